/** The list of faults can only be replaced as a whole: changes of it are made one after the other, on what is there. */
import { type Fault, type FaultStates, getFaults, putFaults } from "./api.ts"
import { attempt } from "./problems.ts"

export const addFault = (fault: Fault): void => change((faults) => [...faults, fault])

/** The first that is like it. */
export const removeFault = (fault: Fault): void =>
  change((faults) => {
    const at = faults.findIndex((each) => toText(each) === toText(fault))
    return faults.filter((_, index) => index !== at)
  })

let last = Promise.resolve()

const change = (edit: (faults: ReadonlyArray<Fault>) => ReadonlyArray<Fault>): void => {
  last = last.then(() =>
    attempt(async () => {
      const current = await getFaults()
      await putFaults(edit(current.map(({ fault }) => fault)).flatMap((fault) => remaining(fault, current)))
    })
  )
}

/** Counting starts anew with the new list: a fault that was set for five calls and has hit two is for three more. */
const remaining = (fault: Fault, current: FaultStates): ReadonlyArray<Fault> => {
  const fired = current.find((each) => each.fault === fault)?.fired ?? 0
  if (fault.next === undefined || fired === 0) return [fault]
  return fault.next > fired ? [{ ...fault, next: fault.next - fired }] : []
}

const toText = (fault: Fault): string => JSON.stringify(Object.entries(fault).toSorted())
