// QR codes (ISO/IEC 18004): bytes, error correction M, the smallest version that holds them. Pure, loaded only where a code is shown.

// For each version from 1: bytes of correction in a block, and blocks.
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, ...Array(19).fill(28)];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49];
const MASKS = [
  (x, y) => (x + y) % 2 === 0, (x, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0, (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Where the small squares stand, on both axes. */
function centres(version) {
  if (version === 1) return [];
  const amount = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (amount * 2 - 2)) * 2;
  return [6, ...Array.from({ length: amount - 1 }, (_, at) => version * 4 + 10 - step * (amount - 2 - at))];
}

/** How many bits a version has for data and correction. */
function room(version) {
  const side = version * 4 + 17;
  const squares = centres(version).length;
  // Corners with their edges, timing, format with the dark module, small squares, and from 7 on the version.
  const small = squares ? 25 * (squares * squares - 3) - 10 * (squares - 2) : 0;
  return side * side - 3 * 64 - 2 * (side - 16) - 31 - small - (version > 6 ? 36 : 0);
}

const held = (version) => Math.floor(room(version) / 8) - CORRECTION[version - 1] * BLOCKS[version - 1];
const lengthBits = (version) => (version < 10 ? 8 : 16);

// The field of 256, by logarithms

const powers = new Uint8Array(255);
const logarithms = new Uint8Array(256);
for (let at = 0, value = 1; at < 255; at += 1) {
  powers[at] = value;
  logarithms[value] = at;
  value = (value << 1) ^ (value & 128 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? powers[(logarithms[a] + logarithms[b]) % 255] : 0);

/** The polynomial by which data is divided, without its first term. */
function divisor(degree) {
  let terms = [1];
  for (let at = 0; at < degree; at += 1) terms = [...terms, 0].map((value, place) => value ^ (place ? times(terms[place - 1], powers[at]) : 0));
  return terms.slice(1);
}

/** Reed and Solomon's bytes of correction. */
function correction(data, terms) {
  const rest = [...data, ...Array(terms.length).fill(0)];
  data.forEach((_, at) => {
    const factor = rest[at];
    terms.forEach((term, place) => { rest[at + 1 + place] ^= times(term, factor); });
  });
  return rest.slice(data.length);
}

/** The bytes of a version: mode, length, data, padding, correction, block by block in turn. */
function codewords(bytes, version) {
  const bits = [];
  const put = (value, length) => { for (let at = length - 1; at >= 0; at -= 1) bits.push((value >> at) & 1); };
  put(4, 4);
  put(bytes.length, lengthBits(version));
  for (const byte of bytes) put(byte, 8);
  put(0, Math.min(4, held(version) * 8 - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < held(version) * 8; pad ^= 0xfd) put(pad, 8);
  const data = Array.from({ length: bits.length / 8 }, (_, at) => bits.slice(at * 8, at * 8 + 8).reduce((sum, bit) => sum * 2 + bit, 0));
  const terms = divisor(CORRECTION[version - 1]);
  const amount = BLOCKS[version - 1];
  const short = Math.floor(data.length / amount);
  const longs = data.length % amount;
  const blocks = Array.from({ length: amount }, (_, at) => {
    const begin = at * short + Math.max(0, at - (amount - longs));
    return data.slice(begin, begin + short + (at >= amount - longs ? 1 : 0));
  });
  const extra = blocks.map((block) => correction(block, terms));
  const inTurn = (lists) => Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
  return [...inTurn(blocks), ...inTurn(extra)];
}

/** A number with the remainder of its division behind it, as format and version have it. */
function guarded(value, polynomial, degree) {
  let rest = value;
  for (let at = 0; at < degree; at += 1) rest = (rest << 1) ^ ((rest >> (degree - 1)) & 1 ? polynomial : 0);
  return (value << degree) | rest;
}

/** What stands whatever the data is: [dark, taken], rows of each. */
function frame(version) {
  const side = version * 4 + 17;
  const dark = Array.from({ length: side }, () => Array(side).fill(false));
  const taken = Array.from({ length: side }, () => Array(side).fill(false));
  const set = (x, y, value) => {
    if (x < 0 || y < 0 || x >= side || y >= side) return;
    dark[y][x] = Boolean(value);
    taken[y][x] = true;
  };
  for (let at = 0; at < side; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  const square = (x, y, reach, isDark) => { for (let down = -reach; down <= reach; down += 1) for (let right = -reach; right <= reach; right += 1) set(x + right, y + down, isDark(Math.max(Math.abs(down), Math.abs(right)))); };
  for (const [x, y] of [[3, 3], [side - 4, 3], [3, side - 4]]) square(x, y, 4, (far) => far !== 2 && far !== 4);
  const places = centres(version);
  const last = places.length - 1;
  places.forEach((x, column) => places.forEach((y, row) => {
    if (!((column === 0 && (row === 0 || row === last)) || (column === last && row === 0))) square(x, y, 2, (far) => far !== 1);
  }));
  if (version > 6) {
    const word = guarded(version, 0x1f25, 12);
    for (let at = 0; at < 18; at += 1) {
      set(side - 11 + (at % 3), Math.floor(at / 3), (word >> at) & 1);
      set(Math.floor(at / 3), side - 11 + (at % 3), (word >> at) & 1);
    }
  }
  format(set, side, 0);
  return [dark, taken];
}

/** Level and mask, twice, and the dark module. M is 0 in the format's own numbers. */
function format(set, side, mask) {
  const word = guarded(mask, 0x537, 10) ^ 0x5412;
  for (let at = 0; at < 15; at += 1) {
    const bit = (word >> at) & 1;
    if (at < 8) set(8, at < 6 ? at : at + 1, bit);
    else set(at === 8 ? 7 : 14 - at, 8, bit);
    if (at < 8) set(side - 1 - at, 8, bit);
    else set(8, side - 15 + at, bit);
  }
  set(8, side - 8, 1);
}

/** How badly a scanner would read it: long runs, squares, what looks like a corner, too much of one colour. */
export function penalty(rows) {
  const side = rows.length;
  let sum = 0;
  for (const lines of [rows, rows.map((_, x) => rows.map((row) => row[x]))]) {
    for (const line of lines) {
      const text = line.map(Number).join('');
      for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
      sum += 40 * [...text.matchAll(/(?=10111010000|00001011101)/g)].length;
    }
  }
  for (let y = 1; y < side; y += 1) for (let x = 1; x < side; x += 1) if (rows[y][x] === rows[y - 1][x] && rows[y][x] === rows[y][x - 1] && rows[y][x] === rows[y - 1][x - 1]) sum += 3;
  const share = rows.flat().filter(Boolean).length / (side * side);
  return sum + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}

/** The code of a text as rows of dark (true) and light modules, without the quiet zone. Throws a RangeError for more than 2,331 bytes. */
export function modules(text, chosen) {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  while (version <= 40 && 4 + lengthBits(version) + bytes.length * 8 > held(version) * 8) version += 1;
  if (version > 40) throw new RangeError('Too long for a QR code.');
  const [dark, taken] = frame(version);
  const side = dark.length;
  const bits = codewords(bytes, version).flatMap((byte) => Array.from({ length: 8 }, (_, at) => (byte >> (7 - at)) & 1));
  // Two columns at a time, from the right, up and down in turn; the sixth column is timing alone.
  let next = 0;
  for (let right = side - 1, isUp = true; right > 0; right -= 2, isUp = !isUp) {
    if (right === 6) right = 5;
    for (let at = 0; at < side; at += 1) {
      const y = isUp ? side - 1 - at : at;
      for (const x of [right, right - 1]) {
        if (taken[y][x]) continue;
        dark[y][x] = bits[next] === 1;
        next += 1;
      }
    }
  }
  const masked = MASKS.map((isTurned, mask) => {
    const rows = dark.map((row, y) => row.map((value, x) => (taken[y][x] ? value : value !== isTurned(x, y))));
    format((x, y, value) => { rows[y][x] = Boolean(value); }, side, mask);
    return rows;
  });
  if (chosen !== undefined) return masked[chosen];
  const scores = masked.map(penalty);
  return masked[scores.indexOf(Math.min(...scores))];
}

/** The dark modules as the path of an SVG, moved by the quiet zone. */
export const outline = (rows, quiet = 4) => rows.flatMap((row, y) => [...row.map((value) => (value ? '1' : '0')).join('').matchAll(/1+/g)].map(({ 0: run, index }) => `M${index + quiet} ${y + quiet}h${run.length}v1h-${run.length}z`)).join('');
