import { readFileSync } from 'fs';
import { join } from 'path';

import type { JSONValue } from '../../../api';
import { offsetOf, pathAt, placeOf, readYaml } from '../yaml12';

type Case = {
  name: string;
  text: string;
  value?: JSONValue;
  refused?: boolean;
};

// The server reads the same corpus in tests/test_yaml12.py, so that a file means one thing on both sides.
const CORPUS: Case[] = JSON.parse(
  readFileSync(
    join(__dirname, '../../../../tests/pipelines/corpus/yaml.json'),
    'utf-8'
  )
);

/** Return the value with texts for the numbers that JSON does not have. */
function inJSON(value: JSONValue): JSONValue {
  return JSON.parse(
    JSON.stringify(value, (_, member) =>
      typeof member === 'number' && !Number.isFinite(member)
        ? `${member}`.replace(/Infinity/, '.inf').replace('NaN', '.nan')
        : member
    )
  );
}

describe('a text in YAML', () => {
  it.each(CORPUS.filter(({ refused }) => !refused))(
    'is read as on the server: $name',
    ({ text, value }) => {
      const read = readYaml(text);
      expect(read.problem).toBeNull();
      expect(inJSON(read.value)).toEqual(value);
      expect(read.repeatedKeys).toEqual([]);
    }
  );

  it.each(CORPUS.filter(({ refused }) => refused))(
    'is refused as on the server: $name',
    ({ text }) => {
      const { problem, repeatedKeys } = readYaml(text);
      expect(problem ?? repeatedKeys[0]).toMatchObject({
        line: expect.any(Number),
        column: expect.any(Number)
      });
    }
  );

  it('has a place for each of its parts', () => {
    const read = readYaml('steps:\n  b:\n    # 🙂\n    needs: ["🙂🙂", c]\n');
    const place = { line: 4, column: 19 };
    expect(read.text.slice(offsetOf(read, place))).toBe('c]\n');
    expect(placeOf(read, read.text.indexOf('c]'))).toEqual(place);
    expect(pathAt(read, place)).toEqual(['steps', 'b', 'needs', 1]);
    expect(pathAt(read, { line: 2, column: 3 })).toEqual(['steps', 'b']);
  });
});
