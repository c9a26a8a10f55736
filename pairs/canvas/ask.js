// From two pictures to what `compare` says of them, and all that was seen on the way.

// A digit of 14×14 as values: from 0 to 1, or as far from the mean as the network was taught.
const scaled = ({data}, mean, deviation) => (
  {shape: [14, 14, 1], data: data.map((value) => (value / 255 - mean) / deviation)});

// What one picture is: its digit, the layers' values, the ten probabilities, and the doubt.
function asked(models, side, pixels) {
  const {digit, others, doubt} = digitOf(side, pixels);
  const layers = through(models.champion, scaled(digit, models.mean, models.deviation));
  const digits = softmax(layers.at(-1)[1]);
  const isDigit = softmax(through(models.knower, scaled(digit, 0, 1)).at(-1)[1])[1];
  return {digit, others, layers, digits, isDigit, doubt: doubt ?? doubtOf(isDigit, digits, models.least)};
}

function doubtOf(isDigit, digits, least) {
  if (isDigit < least.known) return "it is like none of the digits that it was taught";
  return Math.max(...digits) < least.likeliest ? "it may be one digit or another" : null;
}

// Both, and the probability that the first is at most the second.
const answered = (left, right) => (
  {left, right, ...atMost(left.digits, right.digits), sure: !left.doubt && !right.doubt});
