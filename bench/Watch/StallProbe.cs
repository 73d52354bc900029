using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>PINGs both ends of a move every millisecond; the slowest answer is how long a node served nobody.</summary>
internal sealed class StallProbe : IWatch
{
    private readonly List<Thread> _threads = [];
    private long _longest;
    private volatile bool _ended;

    public StallProbe(Bed bed)
    {
        foreach (var node in bed.Shifts.SelectMany(shift => new LocalNode[] { shift.Source, shift.Target }).Distinct())
        {
            var thread = new Thread(() => Probe(node.Endpoint)) { IsBackground = true };
            thread.Start();
            _threads.Add(thread);
        }
    }

    public void Begin() => Volatile.Write(ref _longest, 0);

    public IReadOnlyDictionary<Metric, double> End() =>
        new Dictionary<Metric, double> { [Metric.LongestStall] = Volatile.Read(ref _longest) * 1000.0 / Stopwatch.Frequency };

    public void Dispose()
    {
        _ended = true;
        _threads.ForEach(thread => thread.Join());
    }

    private void Probe(NodeEndpoint node)
    {
        using var connection = new RawConnection(node);
        var ping = RawConnection.Encode("PING"u8.ToArray());
        while (!_ended)
        {
            var started = Stopwatch.GetTimestamp();
            connection.Ask(ping);
            var took = Stopwatch.GetTimestamp() - started;
            for (var longest = Volatile.Read(ref _longest); took > longest;)
                longest = Interlocked.CompareExchange(ref _longest, took, longest);
            Thread.Sleep(1);
        }
    }
}
