/** Where panels get what they show: chosen at the top of the dashboard. */
export const METRICS = { type: "prometheus", uid: "${metrics}" } as const
export const LOGS = { type: "loki", uid: "${logs}" } as const
export const TRACES = { type: "tempo", uid: "${traces}" } as const
