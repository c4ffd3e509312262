"""The Lua scripts: each is one atomic step, and each compares before it writes.

Every script runs on the keys of one family. A generation is named by the epoch that filled it.
"""

from __future__ import annotations

from functools import cache

import redis

# KEYS meta stream objects index. ARGV from to epoch selection settled now max_age_seconds max_bytes channel
# tag, then four for each entry: revision, U (upsert) or L (leave), name, body. Answers "applied" or why not.
_APPLY = """
local meta, stream, objects, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local state = redis.call('HMGET', meta, 'cursor', 'epoch', 'selection', 'count', 'bytes', 'checksum',
    'compacted', 'stream_bytes', 'entries')
if not state[1] then return 'missing' end
if state[2] ~= ARGV[3] then return 'epoch' end
if state[1] ~= ARGV[1] then return 'cursor' end
if state[3] ~= ARGV[4] then return 'selection' end
local count, bytes, checksum = tonumber(state[4]), tonumber(state[5]), tonumber(state[6])
local compacted, stream_bytes, entries = state[7], tonumber(state[8]), tonumber(state[9])
if redis.call('HLEN', objects) ~= count or redis.call('ZCARD', index) ~= count
    or redis.call('XLEN', stream) ~= entries then return 'damaged' end
local now, modulus = ARGV[6], 281474976710656
local function digest(name, body)
  return tonumber(string.sub(redis.sha1hex(name .. body), 1, 12), 16)
end
local function number(value) return string.format('%.0f', value) end
for at = 11, #ARGV, 4 do
  local revision, operation, name, body = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local previous = redis.call('HGET', objects, name)
  if previous then
    bytes = bytes - #name - #previous
    checksum = (checksum - digest(name, previous)) % modulus
  end
  local size = #name + #body + (previous and #previous or 0)
  if operation == 'U' then
    redis.call('HSET', objects, name, body)
    bytes = bytes + #name + #body
    checksum = (checksum + digest(name, body)) % modulus
    if previous then
      redis.call('XADD', stream, revision .. '-0', 't', 'M', 'a', now, 'k', name, 'o', body, 'p', previous)
    else
      redis.call('ZADD', index, 0, name)
      count = count + 1
      redis.call('XADD', stream, revision .. '-0', 't', 'A', 'a', now, 'k', name, 'o', body)
    end
  elseif previous then
    redis.call('HDEL', objects, name)
    redis.call('ZREM', index, name)
    count = count - 1
    redis.call('XADD', stream, revision .. '-0', 't', 'D', 'a', now, 'k', name, 'o', body, 'p', previous)
  else
    size = nil
  end
  if size then
    stream_bytes = stream_bytes + size
    entries = entries + 1
  end
end
local horizon, most = tonumber(now) - tonumber(ARGV[7]), tonumber(ARGV[8])
local before, looked = compacted, 0
repeat
  local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', looked == 0 and 1 or 50)
  local kept = #oldest == 0
  for _, entry in ipairs(oldest) do
    local fields, at, size = entry[2], 0, 0
    for place = 1, #fields, 2 do
      if fields[place] == 'a' then at = tonumber(fields[place + 1])
      elseif fields[place] ~= 't' then size = size + #fields[place + 1] end
    end
    if stream_bytes <= most and at >= horizon then kept = true break end
    stream_bytes = stream_bytes - size
    entries = entries - 1
    compacted = string.match(entry[1], '^%d+')
  end
  if compacted ~= before then
    redis.call('XTRIM', stream, 'MINID', '=', number(tonumber(compacted) + 1))
    before = compacted
  end
  looked = looked + #oldest
until kept or looked >= 2000
redis.call('HSET', meta, 'cursor', ARGV[2], 'count', number(count), 'bytes', number(bytes),
    'checksum', number(checksum), 'compacted', compacted, 'stream_bytes', number(stream_bytes),
    'entries', number(entries), 'updated', now)
if ARGV[5] == '1' then redis.call('HSET', meta, 'settling', '0') end
redis.call('PUBLISH', ARGV[9], ARGV[10] .. ' ' .. ARGV[2])
return 'applied'
"""

# KEYS meta stream objects index generations. ARGV epoch count channel tag revision is_repair, then fields and
# values of meta. Puts a filled generation in the place of whatever was there, of whatever type it is: what is no
# epoch of ours fences nothing. A repair is refused at a revision that the replica has come to meanwhile: who stands
# there would not hear of it.
_SWITCH = """
local meta, stream, objects, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function present(field)
  local value = redis.call('TYPE', meta).ok == 'hash' and redis.call('HGET', meta, field)
  return value and #value <= 15 and string.match(value, '^%d+$') and tonumber(value) or -1
end
if present('epoch') >= tonumber(ARGV[1]) then return 'epoch' end
if ARGV[6] == '1' and present('cursor') >= tonumber(ARGV[5]) then return 'cursor' end
if redis.call('HLEN', objects) ~= tonumber(ARGV[2]) then return 'damaged' end
if redis.call('ZCARD', index) ~= tonumber(ARGV[2]) then return 'damaged' end
redis.call('DEL', meta, stream)
redis.call('HSET', meta, unpack(ARGV, 7))
redis.call('SADD', KEYS[5], ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4] .. ' ' .. ARGV[5])
return 'applied'
"""

# KEYS meta. ARGV from epoch selection selector. From now on the log is selected anew; what the change of the
# selector itself makes enter or leave is still to be settled. A lower selection never replaces a higher.
_SELECT = """
local state = redis.call('HMGET', KEYS[1], 'cursor', 'epoch', 'selection')
if not state[1] then return 'missing' end
if state[2] ~= ARGV[2] then return 'epoch' end
if state[1] ~= ARGV[1] then return 'cursor' end
if tonumber(state[3]) >= tonumber(ARGV[3]) then return 'selection' end
redis.call('HSET', KEYS[1], 'selection', ARGV[3], 'selector', ARGV[4], 'settling', '1')
return 'applied'
"""

# A key that says "not now" to others: it never lasts longer than whoever sets it says. One that would was put there
# by somebody else, maybe for ever, and says nothing.
_IS_HELD = """
local function is_held(key, milliseconds)
  local left = redis.call('PTTL', key)
  return left >= 0 and left <= tonumber(milliseconds)
end
local function take(key, value, milliseconds)
  if is_held(key, milliseconds) then return false end
  redis.call('SET', key, value, 'PX', milliseconds)
  return true
end
"""

# KEYS key. ARGV value milliseconds. 1 when nobody held it, and the caller does now.
_TAKE = f"""{_IS_HELD}
return take(KEYS[1], ARGV[1], ARGV[2]) and 1 or 0
"""

# KEYS mark lease. ARGV milliseconds of either. 1 when the caller has to publish a hint: nobody else has, and no worker
# is at it (one that is looks at the mark again after it has given up its lease).
_MARK = f"""{_IS_HELD}
if not take(KEYS[1], '1', ARGV[1]) then return 0 end
return is_held(KEYS[2], ARGV[2]) and 0 or 1
"""

# KEYS lease mark. ARGV token. Gives up the lease and tells whether there is more to do.
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return redis.call('EXISTS', KEYS[2])
"""

# KEYS lease. ARGV token milliseconds. Keeps the lease, if it is still ours.
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS meta stream. ARGV after count. The state, the entries behind a revision and how many entries there are in
# all, of one moment.
_FOLLOW = """
return {redis.call('HGETALL', KEYS[1]),
    redis.call('XRANGE', KEYS[2], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
    redis.call('XLEN', KEYS[2])}
"""


class Scripts:
    """The scripts, ready to be called on a client; EVALSHA, and EVAL where Redis has forgotten them."""

    def __init__(self, client: redis.Redis) -> None:
        self.apply = client.register_script(_APPLY)
        self.switch = client.register_script(_SWITCH)
        self.select = client.register_script(_SELECT)
        self.take = client.register_script(_TAKE)
        self.mark = client.register_script(_MARK)
        self.release = client.register_script(_RELEASE)
        self.renew = client.register_script(_RENEW)
        self.follow = client.register_script(_FOLLOW)


@cache
def of(client: redis.Redis) -> Scripts:
    """The scripts of a client."""
    return Scripts(client)
