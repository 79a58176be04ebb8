import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import jupyterPlugin from '@jupyter/eslint-plugin';
import prettierRecommended from 'eslint-plugin-prettier/recommended';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import tseslint from 'typescript-eslint';

export default defineConfig([
  {
    ignores: [
      '.venv',
      'coverage',
      'dataops_lab',
      'dist',
      'lib',
      'node_modules',
      'ui-tests/node_modules',
      'ui-tests/test-results',
      'ui-tests/playwright-report',
      'src/api/schema.ts',
      '**/*.js',
      '**/*.d.ts'
    ]
  },
  js.configs.recommended,
  tseslint.configs.recommended,
  { plugins: { jupyter: jupyterPlugin } },
  jupyterPlugin.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { 'react-hooks': reactHooks },
    languageOptions: {
      globals: { ...globals.browser, ...globals.es2021 },
      parserOptions: {
        project: ['tsconfig.test.json', 'ui-tests/tsconfig.json']
      }
    },
    rules: {
      ...reactHooks.configs.recommended.rules,
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { args: 'none', ignoreRestSiblings: true, varsIgnorePattern: '^_' }
      ],
      // What a plugin needs to register is small and imported; views are loaded when opened.
      'jupyter/prefer-lazy-imports': 'off',
      // Widgets that are added to the shell are its own.
      'jupyter/require-disposable-transfer': 'off',
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'prefer-arrow-callback': 'error'
    }
  },
  {
    // Playwright's fixtures look like hooks, and its pages speak English.
    files: ['ui-tests/**/*.ts'],
    rules: {
      'jupyter/no-untranslated-string': 'off',
      'no-empty-pattern': 'off',
      'react-hooks/rules-of-hooks': 'off'
    }
  },
  prettierRecommended
]);
