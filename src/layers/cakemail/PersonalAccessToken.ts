/** Personal access tokens of Cakemail stand in place of a password and are the bearer token themselves. */
export const isPersonalAccessToken = (text: string): boolean => /^ck_pat_[0-9a-fA-F]{40}$/.test(text)
