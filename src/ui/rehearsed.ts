/** What every rehearsed command prints first and last. */
export const rehearsed = {
  begins:
    'Rehearsal: an account in memory. Nothing is created in AWS, it costs nothing, and no request leaves this machine.',
  ends: 'This was a rehearsal: nothing was created in AWS. To do it for real, run the command without --rehearse.',
}
