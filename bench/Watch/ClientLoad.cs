using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using RedisClusterOps.Cluster;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// Applications that GET and SET keys all over the cluster, following redirections. Each wants to send so many times a second; what is held up counts
/// from when it should have been sent, or a stall would hide all that waited behind it.
/// </summary>
/// <remarks>A process of its own, which <see cref="LiveClients"/> starts and talks with, line by line.</remarks>
internal sealed class ClientLoad
{
    public const string CommandName = "clients";
    public const string Ready = "ready";
    public const string Begin = "begin";
    public const string Begun = "begun";
    public const string End = "end";
    public const string Seen = "seen";

    private const int Clients = 2;
    private const int PerSecond = 500;
    private static readonly long Period = Stopwatch.Frequency / PerSecond;

    private readonly List<Thread> _threads = [];
    private readonly List<long>[] _latencies = [.. Enumerable.Range(0, Clients).Select(_ => new List<long>())];
    private readonly int[] _owners;
    private readonly int _keys;
    private Exception? _failure;
    private volatile bool _ended;

    private ClientLoad(int keys, int[] owners)
    {
        (_keys, _owners) = (keys, owners);
        for (var i = 0; i < Clients; i++)
        {
            var number = i;
            var thread = new Thread(() => Live(number)) { IsBackground = true };
            thread.Start();
            _threads.Add(thread);
        }
    }

    /// <param name="words">How many keys there are, how many of the masters own slots, and each master's port on this machine.</param>
    /// <param name="input">Says when what is seen begins to count, and when to end.</param>
    /// <param name="output">Is told the latencies: half, the 99th of a hundred, and the slowest, in milliseconds.</param>
    public static int Run(IReadOnlyList<string> words, TextReader input, TextWriter output)
    {
        int[] numbers = [.. words.Select(word => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture))];
        var (keys, owners, ports) = (numbers[0], numbers[1], numbers[2..]);
        var shares = LocalClusterOptions.SharesFor(owners, ports.Length);
        var load = new ClientLoad(keys, [.. ports.Zip(shares).SelectMany(pair => pair.Second.SelectMany(range => Enumerable.Repeat(pair.First, range.Count)))]);
        // Connections and the first redirections belong to nobody's work.
        Thread.Sleep(300);
        Tell(Ready);
        while (input.ReadLine() is { } word)
        {
            if (word == Begin)
            {
                load.Forget();
                Tell(Begun);
            }
            else if (word == End)
            {
                Tell(load.Finish());
            }
        }

        load._ended = true;
        return 0;

        void Tell(string line)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private void Forget()
    {
        foreach (var latencies in _latencies)
        {
            lock (latencies)
                latencies.Clear();
        }
    }

    private string Finish()
    {
        _ended = true;
        _threads.ForEach(thread => thread.Join());
        if (_failure is { } failure)
            return failure.ToString();
        long[] sorted = [.. _latencies.SelectMany(latencies => latencies).Order()];
        return Seen + " " + string.Join(' ', new[] { 0.5, 0.99, 1 }.Select(At));

        string At(double part) =>
            (sorted[Math.Min((int)(part * sorted.Length), sorted.Length - 1)] * 1000.0 / Stopwatch.Frequency).ToString(CultureInfo.InvariantCulture);
    }

    private void Live(int number)
    {
        var random = new Random(number);
        var connections = new Dictionary<int, RawConnection>();
        int[] ports = [.. _owners];
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
