/** What every rehearsed command prints first and last. */
export const rehearsed = {
  begins:
    'Rehearsal: an account in memory. Nothing is created at AWS, it costs nothing, and no call leaves this machine.',
  ends: 'That was a rehearsal: nothing was created at AWS. To do it for real, leave out --rehearse.',
}
