export interface BareEnv {
  ROOM: DurableObjectNamespace;
  INBOX: DurableObjectNamespace;
  BUCKET: R2Bucket;
}

/** `/rooms/<name>/ws` and `/inboxes/<name>/ws` end in the object of that name; what is PUT to `/files/` goes into R2; everything else says that the server is up. */
export const door: ExportedHandler<BareEnv> = {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (request.method === 'PUT' && pathname.startsWith('/files/')) {
      await env.BUCKET.put(pathname, request.body);
      return new Response(null, { status: 201 });
    }
    const [, kind, name] = /^\/(rooms|inboxes)\/([^/]+)\/ws$/.exec(pathname) ?? [];
    if (name === undefined) return new Response('ok');
    const objects = kind === 'rooms' ? env.ROOM : env.INBOX;
    return objects.get(objects.idFromName(name)).fetch(request);
  },
};
