/** Time in which the deletion of a workspace can be taken back, in ms. */
export const DELETION_GRACE_MS = 7 * 24 * 60 * 60 * 1000;
