using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The keys of a slot that have moved so far, over all drains of the slot.</summary>
internal sealed class KeyTally
{
    public long Moved { get; set; }

    public long Missing { get; set; }

    public long Conflicting { get; set; }

    /// <summary>Called at intervals with the keys that have moved and their total.</summary>
    public Action<long, long>? Progressed { get; init; }

    /// <summary>Records which nodes have a changed setting; null if nothing is recorded.</summary>
    public SettingRecord? Settings { get; init; }

    /// <summary>
    /// Keys whose own MIGRATE broke earlier in this run, while neither flag has changed since. Clients use the copies on the source.
    /// </summary>
    public HashSet<byte[]> Interrupted { get; } = new(KeyBytes.Comparer);

    /// <summary>The saved values of conflicts, and how to restore them.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Such as <c>1 key</c> or <c>150 keys</c>.</summary>
    public string MovedText => Moved.ToString(CultureInfo.InvariantCulture) + (Moved == 1 ? " key" : " keys");
}

/// <summary>The progress of a move of many slots, in slots and keys. Thread-safe: the pairs of masters count concurrently.</summary>
internal sealed class MoveCount(int slots, OperationLog? log, IClock clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _started = clock.Now;
    private readonly object _turn = new();
    private long _keys;
    private long _expected;
    private int _slots;
    private TimeSpan _reported = TimeSpan.FromSeconds(-1);

    /// <summary>Adds keys that are to move.</summary>
    public void Expect(long keys) => Interlocked.Add(ref _expected, keys);

    public void Keys(long moved) => Interlocked.Add(ref _keys, moved);

    public void Slots(int done) => Interlocked.Add(ref _slots, done);

    /// <summary>Reports to the log, at most ten times per second.</summary>
    /// <param name="waitsFor">What the move waits for; null if it does not wait.</param>
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
