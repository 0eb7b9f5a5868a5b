// Stands in for Lit and the page, so that the pure functions of any module can be tested under Node: import it first.
import { register } from 'node:module';

const names = ['AsyncDirective', 'LitElement', 'classMap', 'directive', 'html', 'ifDefined', 'keyed', 'live', 'nothing', 'ref', 'render', 'repeat', 'svg'];
const classes = ['AsyncDirective', 'LitElement'];
const source = names.map((name) => `export ${classes.includes(name) ? `class ${name} {}` : `const ${name} = (...given) => given;`}`).join('\n');
const hooks = `
const source = ${JSON.stringify(source)};
export async function resolve(name, context, next) {
  if (name.startsWith('/vendor/lit/')) return { url: 'data:text/javascript,' + encodeURIComponent(source), shortCircuit: true, format: 'module' };
  return next(name, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

globalThis.customElements ??= { define() {}, get() {} };
globalThis.addEventListener ??= () => {};
globalThis.document ??= { addEventListener() {}, hidden: false };

/** Loads a module of the console: await load('palette.js'). */
export const load = (path) => import(new URL(`../../../Gateway/Console/${path}`, import.meta.url));
