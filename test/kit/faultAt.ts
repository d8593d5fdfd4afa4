/** Faults that a test puts now at one endpoint of the sandbox, now at another. */
import type { Fault, FaultEndpoint } from "../../src/services/SandboxFaults.ts"

/** What goes wrong, wherever. */
export type Spoilt<F = Fault> = F extends unknown ? Omit<F, "endpoint"> : never

export const faultAt = (endpoint: FaultEndpoint, spoilt: Spoilt): Fault => ({ ...spoilt, endpoint })
