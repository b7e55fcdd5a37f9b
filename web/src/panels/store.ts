/** What stands beside a conversation. */
export type PanelRequest =
  | { readonly name: 'details' }
  | { readonly name: 'search' }
  | { readonly name: 'pins' }
  | { readonly name: 'threads' }
  | { readonly name: 'scheduled' }
  | { readonly name: 'thread'; readonly seq: number };
