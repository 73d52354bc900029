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
/// Client applications that use the cluster (<see cref="ClientLoad"/>) in a separate process, so that the contestant in this process does
/// not delay them by its garbage collections.
/// </summary>
internal sealed class LiveClients : IProbe
{
    private readonly Process _process;

    /// <param name="cluster">A cluster filled by <see cref="Dataset.SpreadAsync"/>.</param>
    /// <param name="keys">The number of keys.</param>
    public LiveClients(BenchCluster cluster, int keys)
    {
        // Starts this program again, whether it runs by `dotnet` or by its own name.
        var isDotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        string[] program = isDotnet ? [typeof(LiveClients).Assembly.Location] : [];
        var ports = cluster.Masters.Select(node => Number(node.Endpoint.Port));
        string[] arguments = [.. program, ClientLoad.CommandName, Number(keys), Number(cluster.Scenario.Owners), .. ports];
        var start = new ProcessStartInfo(Environment.ProcessPath!, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        // A client that is compiled again while it is measured delays itself and the servers, and the more so the shorter the run is.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        _process = Process.Start(start)!;
        Read(ClientLoad.Ready);
    }

    public void Begin()
    {
        Send(ClientLoad.Begin);
        Read(ClientLoad.Started);
    }

    public IReadOnlyDictionary<Metric, double> End()
    {
        Send(ClientLoad.End);
        var milliseconds = Read(ClientLoad.Latencies).Split(' ')
            .Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToList();
        return new Dictionary<Metric, double>
        {
            [Metric.LatencyP50] = milliseconds[0],
            [Metric.LatencyP99] = milliseconds[1],
            [Metric.LatencyMax] = milliseconds[2],
        };
    }

    public void Dispose()
    {
        // The process ends when its input is closed.
        _process.StandardInput.Dispose();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Send(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    private string Read(string reply) => _process.StandardOutput.ReadLine() is { } line && line.StartsWith(reply, StringComparison.Ordinal)
        ? line[reply.Length..].Trim()
        : throw new InvalidOperationException("A client failed: " + _process.StandardOutput.ReadToEnd());

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// Clients that GET and SET random keys and follow redirects, at a fixed rate each. The latency of a command counts from the time when it
/// was due. Otherwise a stall would hide the commands that waited behind it.
/// </summary>
/// <remarks>Runs in a process that <see cref="LiveClients"/> starts and controls by lines of text.</remarks>
internal sealed class ClientLoad
{
    public const string CommandName = "clients";
    public const string Ready = "ready";
    public const string Begin = "begin";
    public const string Started = "started";
    public const string End = "end";
    public const string Latencies = "latencies";

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
            var thread = new Thread(() => RunClient(number)) { IsBackground = true };
            thread.Start();
            _threads.Add(thread);
        }
    }

    /// <param name="words">The number of keys, the number of masters with slots, and the port of each master on this machine.</param>
    /// <param name="input">The commands to start and end the measurement.</param>
    /// <param name="output">Receives the latencies in milliseconds: p50, p99 and the maximum.</param>
    public static int Run(IReadOnlyList<string> words, TextReader input, TextWriter output)
    {
        int[] numbers = [.. words.Select(word => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture))];
        var (keys, owners, ports) = (numbers[0], numbers[1], numbers[2..]);
        var shares = LocalClusterOptions.SharesFor(owners, ports.Length);
        var portsBySlot = ports.Zip(shares).SelectMany(pair => pair.Second.SelectMany(range => Enumerable.Repeat(pair.First, range.Count)));
        var load = new ClientLoad(keys, [.. portsBySlot]);
        // Connecting and the first redirects are not part of the measurement.
        Thread.Sleep(300);
        Reply(Ready);
        while (input.ReadLine() is { } word)
        {
            if (word == Begin)
            {
                load.Clear();
                Reply(Started);
            }
            else if (word == End)
            {
                Reply(load.Finish());
            }
        }

        load._ended = true;
        return 0;

        void Reply(string line)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private void Clear()
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
        return Latencies + " " + string.Join(' ', new[] { 0.5, 0.99, 1 }.Select(At));

        string At(double part)
        {
            var ticks = sorted[Math.Min((int)(part * sorted.Length), sorted.Length - 1)];
            return (ticks * 1000.0 / Stopwatch.Frequency).ToString(CultureInfo.InvariantCulture);
        }
    }

    private void RunClient(int number)
    {
        var random = new Random(number);
        var connections = new Dictionary<int, RawConnection>();
        int[] ports = [.. _owners];
        try
        {
            for (var due = Stopwatch.GetTimestamp(); !_ended; due += Period)
            {
                // A late wake-up of this thread does not count as latency of the server.
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
        for (var redirects = 0; redirects < 10 && reply[0] == '-'; redirects++)
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
            throw new InvalidOperationException("Slot " + slot + ": unexpected reply " + reply);

        RawConnection To(int port)
        {
            if (!connections.TryGetValue(port, out var connection))
                connections[port] = connection = new RawConnection(new NodeEndpoint("127.0.0.1", port));
            return connection;
        }
    }
}
