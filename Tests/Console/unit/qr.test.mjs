import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { load } from './lit.mjs';

const { modules, outline, penalty } = await load('ui/qr.js');
const drawn = (rows) => rows.map((row) => row.map((dark) => (dark ? '#' : '.')).join('')).join('\n');
const masks = [0, 1, 2, 3, 4, 5, 6, 7];
const letters = (length) => 'abcdefghij'.repeat(300).slice(0, length);

// What libqrencode draws of the same bytes; it may prefer another mask, which scanners do not mind.
const PENGUIN = `
#######.###.#.#######
#.....#.#.#.#.#.....#
#.###.#...##..#.###.#
#.###.#.##....#.###.#
#.###.#..###..#.###.#
#.....#....##.#.....#
#######.#.#.#.#######
........#.###........
#.##.###...##.#..#.##
.#..##.##.######.##..
.#...##....#.......##
######...#.#..#..#.#.
##.####..##.#...#.#..
........####..#...###
#######.#.###..##.#..
#.....#.##.......####
#.###.#..##.###.##.##
#.###.#.#.##..#.##.#.
#.###.#.#...#.#..#...
#.....#..##..#.#....#
#######.#....#.###...`.trim();

test('a code is drawn as others draw it, module by module', () => {
  assert.ok(masks.some((mask) => drawn(modules('PENGUIN', mask)) === PENGUIN));
});

// Another version each: small squares from 2, several blocks from 4, the version itself from 7, a longer length from 10, the odd grid of 32, the last.
for (const [length, side, digest] of [
  [15, 25, '874344f738ee8d2e'], [123, 49, '0df5de3a9a598b5c'], [214, 61, '929d2273b2aaf3fb'], [700, 101, 'dcc0ca75a2d67df5'],
  [1500, 145, '1771a190aa642dbd'], [2331, 177, 'a74bccb37d90045d'],
]) {
  test(`${length} bytes take ${side} modules a side, as others draw them`, () => {
    const all = masks.map((mask) => modules(letters(length), mask));
    assert.ok(all.every((rows) => rows.length === side && rows.every((row) => row.length === side)));
    assert.ok(all.some((rows) => createHash('sha256').update(drawn(rows)).digest('hex').startsWith(digest)));
  });
}

test('the smallest version is taken that holds the text', () => {
  const side = (length) => modules(letters(length), 0).length;
  assert.deepEqual([14, 15, 26, 27, 180, 181].map(side), [21, 25, 25, 29, 53, 57]);
  assert.throws(() => modules(letters(2332)), RangeError);
});

test('letters beyond ASCII are bytes of UTF-8', () => {
  assert.equal(modules('€'.repeat(5), 0).length, 25);
  assert.equal(modules('e'.repeat(5), 0).length, 21);
});

test('the mask is the one that scanners read best', () => {
  const best = penalty(modules('PENGUIN'));
  assert.deepEqual(masks.map((mask) => penalty(modules('PENGUIN', mask))).filter((score) => score < best), []);
});

test('runs, squares, corners and too much of one colour are held against a mask', () => {
  const board = (side, dark) => Array.from({ length: side }, (_, y) => Array.from({ length: side }, (_, x) => dark(x, y)));
  assert.equal(penalty(board(4, (x, y) => (x + y) % 2 === 0)), 0);
  // Twelve runs of six, twenty-five squares, and all of it dark.
  assert.equal(penalty(board(6, () => true)), 12 * 4 + 25 * 3 + 100);
  const corner = [true, false, true, true, true, false, true, false, false, false, false];
  assert.equal(penalty([corner, ...board(11, (x, y) => (x + y) % 2 === 0).slice(1)]), 40);
});

test('dark modules become runs of a path, moved by the quiet zone', () => {
  assert.equal(outline([[true, true, false], [false, false, true]]), 'M4 4h2v1h-2zM6 5h1v1h-1z');
  assert.equal(outline([[true]], 0), 'M0 0h1v1h-1z');
});
