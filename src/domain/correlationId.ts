/** Under which logs and spans tell of a connection. */
export const correlationId = (connectionId: string): string => `req_${connectionId}`
