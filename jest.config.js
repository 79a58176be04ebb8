const jestJupyterLab = require('@jupyterlab/testutils/lib/jest-config');

// What these packages publish is not CommonJS, which is all that Jest loads unaided.
const transformed = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@microsoft',
  '@rjsf',
  'exenv-es6',
  'lib0',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

const base = jestJupyterLab(__dirname);

module.exports = {
  ...base,
  moduleNameMapper: {
    ...base.moduleNameMapper,
    '^d3-dsv$': '<rootDir>/node_modules/d3-dsv/dist/d3-dsv.js',
    '^yaml$': '<rootDir>/node_modules/yaml/dist/index.js'
  },
  modulePathIgnorePatterns: ['<rootDir>/\\.venv/'],
  reporters: ['default'],
  setupFiles: [...base.setupFiles, '<rootDir>/jest.setup.js'],
  testRegex: 'src/.*/__tests__/.*\\.spec\\.tsx?$',
  transformIgnorePatterns: [`/node_modules/(?!${transformed}).+`]
};
