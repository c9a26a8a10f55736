// From two pictures to what `compare` says of them, and all that was seen on the way.

const NONE = 10;  // the knower's class of what is no digit

// A digit of 14×14 as values: from 0 to 1, or as far from the mean as the network was taught.
const scaled = ({data}, mean, deviation) => (
  {shape: [14, 14, 1], data: data.map((value) => (value / 255 - mean) / deviation)});

// What one picture is: its digit, the layers' values, the ten probabilities, and the doubt.
function asked(models, side, pixels) {
  const {digit, others, doubt} = digitOf(side, pixels);
  const layers = through(models.champion, scaled(digit, models.mean, models.deviation));
  const digits = softmax(layers.at(-1)[1]);
  const opinion = softmax(through(models.knower, scaled(digit, 0, 1)).at(-1)[1]);
  const unsure = doubt ?? doubtOf(opinion, digits, models.least);
  return {digit, others, layers, digits, isDigit: 1 - opinion[NONE], doubt: unsure};
}

// An answer is sure where the knower and the champion agree.
function doubtOf(opinion, digits, least) {
  if (1 - opinion[NONE] < least.known) return "it is like none of the digits that it was taught";
  const likeliest = Math.max(...digits), known = opinion[digits.indexOf(likeliest)];
  return likeliest < least.likeliest || known < least.known ? "it may be one digit or another" : null;
}

// Both, and the probability that the first is at most the second.
const answered = (left, right) => (
  {left, right, ...atMost(left.digits, right.digits), sure: !left.doubt && !right.doubt});
