// docs/json-vectors.json in JavaScript: the values of JSON.parse(), and the texts of JSON.stringify().
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

let checked = 0;
for (const { name, json, plain, javascript, lenient } of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  if (lenient) continue;
  if (plain === undefined) {
    assert.throws(() => JSON.parse(json), SyntaxError, name);
  } else {
    const got = JSON.parse(json);
    assert.deepEqual(got, plain, name);
    // The order of the members, and all numbers, as they are written back.
    assert.equal(JSON.stringify(got), javascript ?? json, name);
  }
  checked++;
}
console.log(checked, 'vectors');
