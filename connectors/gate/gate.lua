#!lua
-- The gate's one script. KEYS[1..] are the keys it touches, ARGV[1] names the operation, ARGV[2] is the
-- lifetime of a gate or answer in milliseconds (8 days: longer than any redelivery and any zombie).
--
-- Keys, under a prefix ("ringback:"):
--   gate:{K}       hash   one attempt K; only ever raised
--                           epoch    greatest epoch that asked or fenced
--                           gated    "1" once an owner may have posted K
--                           finished "1" once K has ended
--                           token    the claim that gated it; absent when filled from the log
--                           user subject language tenant   what the call says; absent for an SMS
--   scope:{scope}  hash   an owner's input partition; no expiry, there are as many as partitions
--                           epoch    greatest epoch of its owners
--                           ready    the generation in which the scope was filled from the log
--   answer:{O}     string the call sid that has the words of occurrence O
--   cap:{account}, cap:{account}:{number}
--                  string theoretical arrival time of the next start, microseconds of the server's clock
--
-- Operations (KEYS; ARGV after the first two) -> reply
--   enter    (scope, gate, cap…) epoch, token, starts a second of each cap ("10,1"), say…  -> {verdict, detail}
--   fence    (scope, gate…)      epoch                          -> what stood in each gate before
--   fill     (scope, gate…)      generation, say fields and bits of each gate   -> 1, or 0: another generation
--   words    (answer…)           generation, sid of each        -> 1, or 0: another generation (before fill)
--   mark     (scope)             generation                     -> 1: ready; 0: another generation
--   ready    (scope)                                            -> 1 or 0
--   finish   (gate…)                                            -> 1
--   answer   (answer)            sid, generation or ""          -> {sid that has it}, {} for another generation
--   release  (answer)            sid                            -> 1
--
-- The shebang makes the server refuse the whole script up front when it is out of memory, a replica, or short
-- of replicas: no script stops half way.

local op, ttl = ARGV[1], tonumber(ARGV[2])
local SAY = {'user', 'subject', 'language', 'tenant'}

-- One life of the server: a restart changes run_id, a promotion master_replid. About 20 us.
local function generation()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. '-' .. string.match(info, 'master_replid:(%x+)')
end

local function raise_epoch(key, epoch)
  if tonumber(redis.call('HGET', key, 'epoch') or '0') < epoch then
    redis.call('HSET', key, 'epoch', epoch)
  end
end

local function set_say(key, at)
  for i, name in ipairs(SAY) do
    redis.call('HSET', key, name, ARGV[at + i - 1])
  end
end

local function set_arrival(key, arrival, spacing)
  redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil(spacing / 1000) + 1000)
end

-- Strict spacing (GCRA with a burst of one): any second holds at most ceil(per_second) starts. KEYS[3..] are
-- the caps, `rates` their starts a second. Returns the longest wait, in ms; 0 takes a slot of each, else of none.
local function take_slots(rates)
  local time = redis.call('TIME')
  local now, wait_ms, spacings = tonumber(time[1]) * 1000000 + tonumber(time[2]), 0, {}
  for rate in string.gmatch(rates, '[^,]+') do
    local key, per_second = KEYS[3 + #spacings], tonumber(rate)
    local spacing = per_second > 0 and 1000000 / per_second or 1000000
    spacings[#spacings + 1] = spacing
    if per_second > 0 then
      local arrival = tonumber(redis.call('GET', key) or '0')
      if arrival > now + spacing then
        -- The server's clock was set back, or the rate was raised. Written down, or it would stay ahead for ever.
        arrival = now + spacing
        set_arrival(key, arrival, spacing)
      end
      wait_ms = math.max(wait_ms, math.ceil((arrival - now) / 1000))
    else
      wait_ms = math.max(wait_ms, 1000)
    end
  end
  if wait_ms > 0 then return wait_ms end
  for i, spacing in ipairs(spacings) do
    set_arrival(KEYS[2 + i], now + spacing, spacing)
  end
  return 0
end

local ops = {}

function ops.enter()
  local scope, gate = KEYS[1], KEYS[2]
  local epoch, token, rates = tonumber(ARGV[3]), ARGV[4], ARGV[5]
  local present = generation()
  if redis.call('HGET', scope, 'ready') ~= present then return {'not_ready', present} end
  local stands = redis.call('HMGET', gate, 'epoch', 'gated', 'finished', 'token')
  local newest = math.max(
    tonumber(redis.call('HGET', scope, 'epoch') or '0'), tonumber(stands[1] or '0'))
  if newest > epoch then return {'fenced', newest} end
  if stands[2] == '1' and stands[3] ~= '1' and stands[4] == token then
    -- Asked again after a lost reply. The write makes a WAIT on this connection cover the gate.
    redis.call('PEXPIRE', gate, ttl)
    return {'passed', 0}
  end
  if stands[2] == '1' or stands[3] == '1' then return {'taken', 0} end
  local wait_ms = take_slots(rates)
  if wait_ms > 0 then return {'wait', wait_ms} end
  raise_epoch(scope, epoch)
  redis.call('HSET', gate, 'epoch', epoch, 'gated', '1', 'token', token)
  if ARGV[6] then set_say(gate, 6) end
  redis.call('PEXPIRE', gate, ttl)
  return {'passed', 0}
end

function ops.fence()
  local epoch, stood = tonumber(ARGV[3]), {}
  local known = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
  -- A write also when nothing is raised: then a WAIT on this connection covers the fence.
  redis.call('HSET', KEYS[1], 'epoch', math.max(epoch, known))
  for i = 2, #KEYS do
    stood[i - 1] = redis.call('HGETALL', KEYS[i])
    raise_epoch(KEYS[i], epoch)
    redis.call('PEXPIRE', KEYS[i], ttl)
  end
  return stood
end

function ops.fill()
  if generation() ~= ARGV[3] then return 0 end
  local at = 4
  for i = 2, #KEYS do
    local epoch, gated, finished, speaks = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    raise_epoch(KEYS[1], epoch)
    raise_epoch(KEYS[i], epoch)
    if gated == '1' then redis.call('HSET', KEYS[i], 'gated', '1') end
    if finished == '1' then redis.call('HSET', KEYS[i], 'finished', '1') end
    at = at + 4
    if speaks == '1' then
      set_say(KEYS[i], at)
      at = at + #SAY
    end
    redis.call('PEXPIRE', KEYS[i], ttl)
  end
  return 1
end

function ops.words()
  if generation() ~= ARGV[3] then return 0 end
  for i, answer in ipairs(KEYS) do
    redis.call('SET', answer, ARGV[3 + i], 'NX', 'PX', ttl)
  end
  return 1
end

function ops.mark()
  if generation() ~= ARGV[3] then return 0 end
  redis.call('HSET', KEYS[1], 'ready', ARGV[3])
  return 1
end

function ops.ready()
  return redis.call('HGET', KEYS[1], 'ready') == generation() and 1 or 0
end

function ops.finish()
  for _, gate in ipairs(KEYS) do
    redis.call('HSET', gate, 'finished', '1')
    redis.call('PEXPIRE', gate, ttl)
  end
  return 1
end

function ops.answer()
  if ARGV[4] ~= '' and generation() ~= ARGV[4] then return {} end
  redis.call('SET', KEYS[1], ARGV[3], 'NX', 'PX', ttl)
  local holder = redis.call('GET', KEYS[1])
  -- A write also when it is asked again: then a WAIT on this connection covers the answer.
  if holder == ARGV[3] then redis.call('PEXPIRE', KEYS[1], ttl) end
  return {holder}
end

function ops.release()
  if redis.call('GET', KEYS[1]) == ARGV[3] then redis.call('DEL', KEYS[1]) end
  return 1
end

return ops[op]()
