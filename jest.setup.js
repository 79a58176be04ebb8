// What the libraries say about a browser that is not there, and yjs about what @jupyter/ydoc does with every new cell.
const EXPECTED = ['Clipboard API not available', 'Add Yjs type', '[yjs#509]'];
const warn = console.warn;
console.warn = (...words) => {
  if (!EXPECTED.some(text => words.join(' ').includes(text))) {
    warn(...words);
  }
};

// Browsers have it; the DOM of the tests lacks it. @dagrejs/dagre needs it.
const { deserialize, serialize } = require('v8');
globalThis.structuredClone ??= value => deserialize(serialize(value));
