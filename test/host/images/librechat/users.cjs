const crypto = require('node:crypto')
const { ask } = require('./db.cjs')

const hash = (password) => crypto.createHash('sha256').update(password).digest('hex')

exports.list = () => ask('find', 'user')
exports.find = async (email, username) =>
  (await exports.list()).find((user) => user.id === email.toLowerCase() || user.username === username)
exports.matches = (user, password) => user.password === hash(password)
exports.setPassword = (user, password) => ask('insert', { ...user, password: hash(password) })
exports.remove = (user) => ask('remove', 'user', user.id)
exports.add = async ({ email, name, username, password }) => {
  const role = (await exports.list()).length === 0 ? 'ADMIN' : 'USER'
  const user = {
    kind: 'user',
    id: email.toLowerCase(),
    name,
    username,
    role,
    created: new Date().toISOString(),
  }
  await exports.setPassword(user, password)
}
