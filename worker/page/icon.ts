import { raw } from 'hono/html';
import type { Mark } from './conditions.ts';

/** A circle with a tick, a triangle, an octagon with a cross, a dashed circle with a clock's hands, a padlock. */
const PATHS: Readonly<Record<Mark | 'lock', string>> = {
  good: '<circle cx="10" cy="10" r="8.5"/><path d="m6 10.4 2.8 2.7L14 7.3"/>',
  warn: '<path d="M10 2 19 18H1Z"/><path d="M10 8v4m0 2.6v.1"/>',
  bad: '<path d="M6.4 1.5h7.2l4.9 4.9v7.2l-4.9 4.9H6.4l-4.9-4.9V6.4Z"/><path d="m7 7 6 6m0-6-6 6"/>',
  lock: '<path d="M4 9h12v8.5H4ZM6.5 9V6a3.5 3.5 0 0 1 7 0v3"/>',
  wait: '<circle cx="10" cy="10" r="8.5" stroke-dasharray="3 2.3"/><path d="M10 5.5V10l3 2"/>',
};

/** Said in words beside it, so hidden from who listens. */
export function icon(mark: keyof typeof PATHS): unknown {
  return raw(`<svg class="icon ${mark}" viewBox="0 0 20 20" aria-hidden="true">${PATHS[mark]}</svg>`);
}
