export * from './client';
export * from './events';
export * from './problem';
export * from './types';
