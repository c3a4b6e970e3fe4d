// What was asked for beside what was given: which scope stands for which.

/** The words of version 1 in the letters of version 2. */
const WORDS = { read: 'rs', write: 'cud', '*': 'cruds' };

/** Whether all that one scope opens is opened by another one too. */
export function covers(wide, narrow) {
  const [one, other] = [wide, narrow].map(read);
  return Boolean(one && other) && one.level === other.level && ['*', other.type].includes(one.type)
    && [...other.letters].every((letter) => one.letters.includes(letter))
    && one.terms.every((term) => other.terms.includes(term));
}

/** A list of rows: a scope, what became of it in words, and the parts of it that were given in its place. */
export function compare(asked, granted) {
  const parts = (scope) => granted.filter((one) => covers(scope, one));
  const rows = asked.map((scope) => {
    if (granted.includes(scope)) return { scope, given: true, says: 'given', parts: [] };
    const whole = granted.find((one) => covers(one, scope));
    if (whole) return { scope, given: true, says: `given, within ${whole}`, parts: [] };
    const some = parts(scope);
    return { scope, given: false, says: some.length ? 'only some of it:' : 'not given', parts: some };
  });
  const told = [...asked, ...rows.flatMap((row) => row.parts)];
  const more = granted.filter((scope) => !told.includes(scope));
  return [...rows, ...more.map((scope) => ({
    scope, given: true, parts: [], says: asked.some((one) => covers(scope, one)) ? 'given for those within it' : 'given, though not asked for',
  }))];
}

function read(scope) {
  const [, level, type, letters, query] = /^(patient|user|system)\/([A-Za-z]+|\*)\.([a-z]+|\*)(?:\?(.*))?$/.exec(scope) ?? [];
  return level && { level, type, letters: WORDS[letters] ?? letters, terms: query ? query.split('&') : [] };
}
