/** What every rehearsed command says at its start and at its end. */
export const rehearsed = {
  begins:
    'Rehearsal: an account in memory. Nothing is made at AWS, nothing is paid, no call leaves this machine.',
  ends: 'That was a rehearsal: nothing was made at AWS. The same without --rehearse does it.',
}
