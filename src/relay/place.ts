/** Header in which the Worker tells a room from where a socket comes: the name of a location hint. */
export const PLACE_HEADER = 'x-tideline-place';
export const ANYWHERE = 'any';

/** Where relays may be asked for, by continent; a continent with two hints is divided at a longitude. */
const HINTS: Record<string, DurableObjectLocationHint> = {
  NA: 'enam',
  SA: 'sam',
  EU: 'weur',
  AS: 'apac',
  OC: 'oc',
  AF: 'afr',
};
const WEST_OF: Record<string, { longitude: number; west: DurableObjectLocationHint; east: DurableObjectLocationHint }> =
  {
    NA: { longitude: -95, west: 'wnam', east: 'enam' },
    EU: { longitude: 15, west: 'weur', east: 'eeur' },
  };

/** The location hint nearest to where a request came in; `any` where that is not known, as on the local server. */
export function placeOf(cf: object | undefined): string {
  if (cf === undefined || !('continent' in cf) || typeof cf.continent !== 'string') return ANYWHERE;
  const divided = WEST_OF[cf.continent];
  const longitude = 'longitude' in cf ? Number(cf.longitude) : Number.NaN;
  if (divided !== undefined && Number.isFinite(longitude)) {
    return longitude < divided.longitude ? divided.west : divided.east;
  }
  return HINTS[cf.continent] ?? ANYWHERE;
}

const ALL = new Set<string>([...Object.values(HINTS), 'wnam', 'eeur']);
const isHint = (place: string): place is DurableObjectLocationHint => ALL.has(place);

/** The location hint in a relay's name (`<place>-<number>`). */
export function hintOf(relay: string): DurableObjectLocationHint | undefined {
  const place = relay.slice(0, relay.lastIndexOf('-'));
  return isHint(place) ? place : undefined;
}
