// Finding the digit: the stroke nearest the middle, with those that belong to it. This is
// `compare`'s search on paper whose border is empty, where nothing touches the border and no
// printed line runs from side to side.

const SOLID = 0.3;        // of the strongest ink: where strokes are; what is fainter is their edge
const EDGE = 0.08;        // of a digit's size: how far its edge may reach
const SHADE = 0.25;       // of the pixels beside a digit's strokes: as many are paper
const SPECK = 0.05;       // of the picture: what is smaller is a speck, where something larger is
const COMPARABLE = 0.35;  // of the largest part's size: what is smaller is not the digit
const NEAR = 0.1;         // of a digit's size: parts as near to it are strokes of it
const NEAR_ABOVE = 0.2;   // the same, for a flat part at its top, as the bar of a 5 is
const RIVAL = 0.45;       // of the digit's height: what stands beside it as tall may be one too
const PIECE = 0.15;       // of the digit's size: what is as large may be a piece of another digit
const WIDE = 1.8;         // of its height: no digit is as wide

// The ink of the digit, how many other parts were left out, and why there may not be one digit.
function findDigit(ink) {
  const {height, width, data} = ink;
  const least = f32(SOLID * ninthTenth(data.filter((value) => value > 0)));
  const solid = picture(height, width, data.map((value) => value > least ? 1 : 0));
  const {labels, parts} = partsOf(solid);
  const speck = Math.min(
    SPECK * Math.max(height, width), 0.3 * Math.max(...parts.map((part) => part.size)));
  const large = parts.filter((part) => part.size >= speck);
  const first = nearestMiddle(large, height, width);
  const {own, others} = joined(labels, ink, first, large);
  const mine = maskOf(labels, ink, own);
  const around = grown(mine, Math.max(nearest(EDGE * first.size), 1)).data;
  const within = (at) => around[at] && (mine.data[at] || labels[at] === 0);
  // A shade of the paper, of which there is some everywhere beside the strokes, is no ink.
  const beside = data.filter((_, at) => within(at) && !mine.data[at]);
  const shade = ranked(beside, SHADE);
  const kept = data.map((value, at) => within(at) ? Math.max(f32(value - shade), 0) : 0);
  const doubt = doubtOfParts(boxOf(own), others);
  return {ink: picture(height, width, kept), others: others.length, doubt};
}

function maskOf(labels, {height, width}, parts) {
  const chosen = new Set(parts.map((part) => part.label));
  return picture(height, width, Float64Array.from(labels, (label) => chosen.has(label) ? 1 : 0));
}

// The part nearest the middle, of those that are not far smaller than the largest.
function nearestMiddle(parts, height, width) {
  const least = COMPARABLE * Math.max(...parts.map((part) => part.size));
  let best = null, shortest = Infinity;
  for (const part of parts) {
    const down = (part.top + part.bottom + 1 - height) / 2;
    const right = (part.left + part.right + 1 - width) / 2;
    const distance = Math.sqrt(down * down + right * right) - part.size / 4;
    if (part.size >= least && distance < shortest) [best, shortest] = [part, distance];
  }
  return best;
}

// Gather the strokes of the digit that one part is of, until there is none to add.
function joined(labels, ink, first, parts) {
  let own = [first], others = parts.filter((part) => part !== first);
  while (others.length) {
    const box = boxOf(own), region = maskOf(labels, ink, own);
    const within = (share) => {
      const {data} = grown(region, Math.max(nearest(share * box.size), 1));
      return new Set(labels.filter((_, at) => data[at]));
    };
    const near = within(NEAR), over = within(NEAR_ABOVE);
    const added = others.filter((part) => (
      near.has(part.label) && !isBeside(box, part) || over.has(part.label) && isOver(box, part)));
    if (!added.length) break;
    own = [...own, ...added];
    others = others.filter((part) => !added.includes(part));
  }
  return {own, others};
}

// Whether a part is a flat stroke over the digit, as the bar of a 5, or lies within it.
function isOver(box, part) {
  const shared = Math.min(box.right, part.right) - Math.max(box.left, part.left) + 1;
  const flat = part.height <= part.width && part.height <= 0.35 * box.height
    && part.size >= 0.2 * box.size;
  const inside = part.left >= box.left && part.right <= box.right
    && part.top >= box.top && part.bottom <= box.bottom;
  return inside || flat && part.top < box.top + box.height / 3 && shared >= 0;
}

// Whether a part stands beside the digit, as tall as another digit would.
function isBeside(box, part) {
  const rows = Math.min(box.bottom, part.bottom) - Math.max(box.top, part.top) + 1;
  const columns = Math.min(box.right, part.right) - Math.max(box.left, part.left) + 1;
  const tall = part.height >= RIVAL * box.height && rows >= 0.5 * part.height;
  return tall && columns < 0.5 * Math.min(box.width, part.width);
}

function doubtOfParts(box, others) {
  const large = others.filter((part) => part.size >= PIECE * box.size);
  const middle = (box.left + box.right) / 2;
  const sides = [
    large.filter((part) => part.right <= middle), large.filter((part) => part.left >= middle)];
  if (sides.some((some) => some.length && isBeside(box, boxOf(some))))
    return "there is something as tall beside it: expected one digit a picture";
  return box.width > WIDE * box.height
    ? "it is wider than a digit: expected one digit a picture" : null;
}
