using System;
using System.Threading;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>How far a move of many slots is: slots and keys done, of how many. Its pairs count from several threads.</summary>
internal sealed class MoveCount(int slots, OperationLog? log, IClock clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _started = clock.Now;
    private readonly object _turn = new();
    private long _keys;
    private long _expected;
    private int _slots;
    private TimeSpan _reported = TimeSpan.FromSeconds(-1);

    /// <summary>So many keys more there are to move.</summary>
    public void Expect(long keys) => Interlocked.Add(ref _expected, keys);

    public void Keys(long moved) => Interlocked.Add(ref _keys, moved);

    public void Slots(int done) => Interlocked.Add(ref _slots, done);

    /// <summary>Tells the log, ten times a second at the most.</summary>
    /// <param name="waitsFor">What is being waited for; null for nothing.</param>
    public void Report(string? waitsFor)
    {
        lock (_turn)
        {
            var elapsed = clock.Now - _started;
            if (elapsed - _reported < Interval)
                return;
            _reported = elapsed;
            log?.Progress(new OperationEvent
            {
                Kind = OperationEventKind.Progress,
                KeysDone = Interlocked.Read(ref _keys),
                KeysTotal = Math.Max(Interlocked.Read(ref _expected), Interlocked.Read(ref _keys)),
                SlotsDone = _slots,
                SlotsTotal = slots,
                Elapsed = elapsed,
                Message = waitsFor ?? string.Empty,
            });
        }
    }
}
