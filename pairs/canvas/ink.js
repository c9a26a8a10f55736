// Ink and paper. A picture is {height, width, data}, row by row, 0 black and 255 white; ink is
// likewise, 0 where there is none. All of it is in 32-bit floats (f32), as `compare` has it.

const f32 = Math.fround;
const FAINTEST = 1 / 16;  // of the strongest ink: what is fainter is paper
const LEAST = 16;         // of 255: a picture whose ink differs less from its paper is blank
const WIDER = 0.75;       // of the side: what is dark over a square as wide is paper

const picture = (height, width, data = new Float64Array(height * width)) => ({height, width, data});

// The nearest whole number, and of two as near the even one.
function nearest(x) {
  const low = Math.floor(x);
  if (x - low === 0.5) return low % 2 ? low + 1 : low;
  return Math.round(x);
}

// What a share of some numbers are at most; 0 if there are none.
const ranked = (values, share) => (
  values.length ? values.toSorted()[Math.ceil(share * values.length) - 1] : 0);
const ninthTenth = (values) => ranked(values, 0.9);

const turned = ({height, width, data}) => {
  const other = picture(width, height);
  for (let r = 0, at = 0; r < height; r++)
    for (let c = 0; c < width; c++, at++) other.data[c * height + r] = data[at];
  return other;
};

// The sum of the 3×3 around each pixel, as far as it is inside.
function sumsOfNine(image) {
  for (let pass = 0; pass < 2; pass++) {
    const {height, width, data} = image, sums = picture(height, width);
    for (let r = 0, at = 0; r < height; r++)
      for (let c = 0; c < width; c++, at++)
        sums.data[at] = (c ? data[at - 1] : 0) + data[at] + (c + 1 < width ? data[at + 1] : 0);
    image = turned(sums);
  }
  return image;
}

// The highest pixel of the square around each, as far as it is inside: along the rows, then along
// the columns; each pass sees twice as far, and the last one what is left.
function highest(image, side) {
  const before = side >> 1;
  for (let pass = 0; pass < 2; pass++) {
    const {height, width, data} = image, most = picture(height, width);
    const run = new Float64Array(width + side - 1);
    for (let r = 0; r < height; r++) {
      run.fill(-Infinity);
      run.set(data.subarray(r * width, (r + 1) * width), before);
      for (let reach = 1, length = run.length; reach < side;) {
        const step = Math.min(reach, side - reach);
        length -= step;
        for (let i = 0; i < length; i++) if (run[i + step] > run[i]) run[i] = run[i + step];
        reach += step;
      }
      most.data.set(run.subarray(0, width), r * width);
    }
    image = turned(most);
  }
  return image;
}

const negative = ({height, width, data}) => picture(height, width, data.map((value) => -value));

// From pixels of 0 to 255 to grey by the weights of Rec. 601, which do not add up to 1 in f32.
const GREYS = Float64Array.from({length: 256}, (_, value) => (
  f32(f32(f32(f32(0.299) * value) + f32(f32(0.587) * value)) + f32(f32(0.114) * value))));
const greyOf = (height, width, pixels) => (
  picture(height, width, Float64Array.from(pixels, (value) => f32(255 + f32(GREYS[value] - 255)))));

// The ink of a picture whose border is paper, and whose ink is dark; null where there is none.
// The paper is the closing of the picture: of all squares around a pixel, the one whose lightest
// pixel is darkest. What is darker than that is ink, by the share that it takes of the light.
function inkOf(grey) {
  const {height, width, data} = grey;
  const side = Math.max(Math.ceil(WIDER * (height + width) / 2), 3);
  const sums = sumsOfNine(grey);
  const counts = sumsOfNine(picture(height, width, new Float64Array(height * width).fill(1)));
  const smooth = picture(height, width, sums.data.map((sum, at) => f32(sum / counts.data[at])));
  const paper = negative(highest(negative(highest(smooth, side)), side)).data;
  const away = data.map((value, at) => (
    f32(f32(paper[at] - value) * f32(255 / Math.max(paper[at], 32)))));
  const strongest = away.reduce((most, value) => Math.max(most, value), 0);
  const kept = picture(height, width, away.map((value) => value > FAINTEST * strongest ? 1 : 0));
  // Three of nine pixels: a stroke has that everywhere, and a speck nowhere.
  const around = sumsOfNine(kept).data;
  const ink = away.map((value, at) => kept.data[at] && around[at] >= 3 ? value : 0);
  return strongest < LEAST || !ink.some((value) => value > 0) ? null : picture(height, width, ink);
}
