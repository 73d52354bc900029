using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using RedisClusterOps.Console.Lab;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// Applications that GET and SET keys all over the cluster, following redirections. Each wants to send so many times a second; what is held up counts
/// from when it should have been sent, or a stall would hide all that waited behind it.
/// </summary>
internal sealed class LiveClients : IWatch
{
    private const int Clients = 2;
    private const int PerSecond = 500;
    private static readonly long Period = Stopwatch.Frequency / PerSecond;

    private readonly List<Thread> _threads = [];
    private readonly List<long>[] _latencies = [.. Enumerable.Range(0, Clients).Select(_ => new List<long>())];
    private readonly LocalNode[] _owners;
    private readonly int _keys;
    private Exception? _failure;
    private volatile bool _ended;

    /// <param name="bed">A cluster that <see cref="Dataset.SpreadAsync"/> filled.</param>
    /// <param name="keys">With so many keys.</param>
    public LiveClients(Bed bed, int keys)
    {
        _owners = bed.OwnersBySlot();
        _keys = keys;
        for (var i = 0; i < Clients; i++)
        {
            var number = i;
            var thread = new Thread(() => Live(number)) { IsBackground = true };
            thread.Start();
            _threads.Add(thread);
        }

        // Connections and the first redirections belong to nobody's work.
        Thread.Sleep(300);
    }

    public void Begin()
    {
        foreach (var latencies in _latencies)
        {
            lock (latencies)
                latencies.Clear();
        }
    }

    public IReadOnlyDictionary<Metric, double> End()
    {
        _ended = true;
        _threads.ForEach(thread => thread.Join());
        if (_failure is { } failure)
            throw new InvalidOperationException("A client was not served: " + failure.Message, failure);
        long[] sorted = [.. _latencies.SelectMany(latencies => latencies).Order()];
        return new Dictionary<Metric, double> { [Metric.LatencyP50] = At(0.5), [Metric.LatencyP99] = At(0.99), [Metric.LatencyMax] = At(1) };

        double At(double part) => sorted[Math.Min((int)(part * sorted.Length), sorted.Length - 1)] * 1000.0 / Stopwatch.Frequency;
    }

    public void Dispose()
    {
        _ended = true;
        _threads.ForEach(thread => thread.Join());
    }

    private void Live(int number)
    {
        var random = new Random(number);
        var connections = new Dictionary<int, RawConnection>();
        int[] ports = [.. _owners.Select(owner => owner.Endpoint.Port)];
        try
        {
            for (var due = Stopwatch.GetTimestamp(); !_ended; due += Period)
            {
                // A late wake-up is this thread's own fault and not the server's.
                if (Stopwatch.GetTimestamp() < due)
                {
                    while (Stopwatch.GetTimestamp() < due)
                        Thread.Sleep(1);
                    due = Stopwatch.GetTimestamp();
                }

                Use(Dataset.Name(random.Next(_keys)), random.Next(2) == 0, ports, connections);
                lock (_latencies[number])
                    _latencies[number].Add(Stopwatch.GetTimestamp() - due);
            }
        }
        catch (Exception failure)
        {
            _failure = failure;
        }
        finally
        {
            foreach (var connection in connections.Values)
                connection.Dispose();
        }
    }

    private static void Use(byte[] key, bool write, int[] ports, Dictionary<int, RawConnection> connections)
    {
        var slot = HashSlot.Of(key);
        var command = write ? RawConnection.Encode("SET"u8.ToArray(), key, Dataset.Value) : RawConnection.Encode("GET"u8.ToArray(), key);
        var reply = To(ports[slot]).Ask(command);
        for (var redirections = 0; redirections < 10 && reply[0] == '-'; redirections++)
        {
            if (reply.Split(' ') is not ["-ASK" or "-MOVED", _, var address] words)
                break;
            var port = int.Parse(address.AsSpan(address.LastIndexOf(':') + 1), NumberStyles.None, CultureInfo.InvariantCulture);
            if (words[0] == "-MOVED")
                ports[slot] = port;
            else
                To(port).Ask(RawConnection.Encode("ASKING"u8.ToArray()));
            reply = To(port).Ask(command);
        }

        if (reply.StartsWith("$-1", StringComparison.Ordinal) || reply[0] == '-')
            throw new InvalidOperationException("slot " + slot + " answered " + reply);

        RawConnection To(int port)
        {
            if (!connections.TryGetValue(port, out var connection))
                connections[port] = connection = new RawConnection(new NodeEndpoint("127.0.0.1", port));
            return connection;
        }
    }
}
