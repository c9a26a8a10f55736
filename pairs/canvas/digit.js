// From ink to a digit as MNIST's are: fitted into 20×20, its centre of mass in the middle of 28×28,
// and the means of 2×2 of these.

const BOX = 20;      // the side of the square that a digit is fitted into
const FIELD = 28;    // MNIST's own side
const THIN = 0.7;    // of a pixel: strokes that cover less of their strongest pixels are thickened
const PEN = 1.5;     // of a pixel: how thick they are drawn then
const MIDDLE = 14.5; // where MNIST's digits have their centre of mass
const FAINT = 64;    // of 255: ink that is fainter is one only where the paper has few shades
const TIE = 1e-3;    // what is as near to a half counts as one, whatever its last bits are

// 14×14 from 0 to 255 from ink of 0 to 1.
function fitted(ink) {
  const cut = cropped(ink);
  let small = fittedIntoBox(cut);
  if (ninthTenth(small.data.filter((value) => value > FAINTEST)) < THIN)
    small = fittedIntoBox(thicker(cut, nearest(PEN * Math.max(cut.height, cut.width) / BOX)));
  const field = picture(FIELD, FIELD);
  const top = startOf(sumsOfRows(small)), left = startOf(sumsOfRows(turned(small)));
  for (let r = 0; r < small.height; r++)
    for (let c = 0; c < small.width; c++)
      field.data[(top + r) * FIELD + left + c] =
        Math.floor(255 * small.data[r * small.width + c] + 0.5 + TIE);
  return halved(field);
}

// The rectangle that has all ink.
function cropped(ink) {
  const {height, width, data} = ink;
  let top = height, bottom = 0, left = width, right = 0;
  data.forEach((value, at) => {
    if (!(value > 0)) return;
    const row = Math.floor(at / width), column = at % width;
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
  });
  const cut = picture(bottom - top + 1, right - left + 1);
  for (let r = 0; r < cut.height; r++)
    cut.data.set(
      data.subarray((top + r) * width + left, (top + r) * width + right + 1), r * cut.width);
  return cut;
}

// Averaged down, or up, to BOX pixels along the longer side.
function fittedIntoBox(ink) {
  const longer = Math.max(ink.height, ink.width);
  const parts = (side) => Math.max(nearest(BOX * side / longer), 1);
  return turned(rowsOfMeans(turned(rowsOfMeans(ink, parts(ink.height))), parts(ink.width)));
}

// So many rows, each the mean of an equal part of the picture's; a row on the edge of a part counts
// as far as it is inside.
function rowsOfMeans({height, width, data}, count) {
  const means = picture(count, width), each = height / count;
  for (let part = 0; part < count; part++)
    for (let r = Math.floor(part * each); r < Math.min(Math.ceil((part + 1) * each), height); r++) {
      const share = Math.max(Math.min((part + 1) * each, r + 1) - Math.max(part * each, r), 0) / each;
      for (let c = 0; c < width; c++) means.data[part * width + c] += share * data[r * width + c];
    }
  return means;
}

// Drawn anew with a square pen: both sides get longer by its size less 1.
function thicker(ink, size) {
  const pen = Math.max(size, 1), {height, width, data} = ink;
  const wide = picture(height + pen - 1, width + pen - 1);
  for (let r = 0; r < height; r++) for (let c = 0; c < width; c++)
    for (let i = 0; i < pen; i++) for (let j = 0; j < pen; j++) {
      const at = (r + i) * wide.width + c + j;
      wide.data[at] = Math.max(wide.data[at], data[r * width + c]);
    }
  return wide;
}

const sumsOfRows = ({height, width, data}) => Array.from({length: height}, (_, r) => (
  data.subarray(r * width, (r + 1) * width).reduce((sum, value) => sum + value, 0)));

// Where to begin so that the centre of mass is in the middle, with all of it inside.
function startOf(mass) {
  let total = 0, moment = 0;
  mass.forEach((value, at) => { total += value; moment += (at + 0.5) * value; });
  const start = Math.floor(MIDDLE - moment / total + 0.5 + TIE);
  return Math.min(Math.max(start, 0), FIELD - mass.length);
}

// The mean of each 2×2, halves rounded up.
function halved({height, width, data}) {
  const half = picture(height >> 1, width >> 1);
  for (let r = 0; r < half.height; r++) for (let c = 0; c < half.width; c++) {
    const at = 2 * r * width + 2 * c;
    const sum = data[at] + data[at + 1] + data[at + width] + data[at + width + 1];
    half.data[r * half.width + c] = Math.floor((sum + 2) / 4);
  }
  return half;
}

// What `compare` makes of a picture: the digit's 14×14, how many parts were left out, and why there
// may not be one digit on it. The border, MARGIN pixels of it, is to be paper.
function digitOf(side, pixels) {
  const grey = greyOf(side, side, pixels), found = inkOf(grey);
  if (!found) return {digit: picture(14, 14), others: 0, doubt: "it is empty"};
  const {ink, others, doubt} = findDigit(found);
  const solid = f32(f32(SOLID) * ink.data.reduce((most, value) => Math.max(most, value), 0));
  const full = ninthTenth(ink.data.filter((value) => value > solid));
  const strength = ink.data.map((value) => f32(Math.min(f32(value / full), 1)));
  const clear = strength.map((value) => value > FAINTEST ? value : 0);
  const shades = grey.data.filter((_, at) => ink.data[at] === 0);
  const faint = full < FAINT && full < f32(ranked(shades, 0.98) - ranked(shades, 0.02))
    ? "it is fainter than the shades of the paper" : null;
  return {digit: fitted(picture(side, side, clear)), others, doubt: doubt ?? faint};
}
