// The only door to Lit: what is not named here is not used. core.js comes first because it silences the bundle's warning.
import '../core.js';

export {
  AsyncDirective, LitElement, classMap, directive, html, ifDefined, keyed, live, nothing, ref, render, repeat, svg,
} from '/vendor/lit/lit-all.min.js';
