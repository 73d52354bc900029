using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>Sends PING to both ends of a move every millisecond. The slowest reply is the longest time that a node was blocked.</summary>
internal sealed class StallProbe : IProbe
{
    private readonly List<Thread> _threads = [];
    private long _longest;
    private volatile bool _ended;

    public StallProbe(BenchCluster cluster)
    {
        foreach (var node in cluster.Transfers.SelectMany(transfer => new LocalNode[] { transfer.Source, transfer.Target }).Distinct())
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

/// <summary>Observes a cluster while a contestant works on it. It runs from its creation.</summary>
internal interface IProbe : IDisposable
{
    /// <summary>Starts the measurement.</summary>
    void Begin();

    /// <summary>Ends the measurement and returns the values since <see cref="Begin"/>.</summary>
    /// <exception cref="InvalidOperationException">A client received a wrong reply.</exception>
    IReadOnlyDictionary<Metric, double> End();
}
