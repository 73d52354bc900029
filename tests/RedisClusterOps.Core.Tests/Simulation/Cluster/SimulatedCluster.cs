using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A cluster in memory whose time passes only while somebody waits for it. The same seed gives the same history.</summary>
/// <remarks>
/// Explicitly not modelled: what a server loses by itself (asynchronous replication, a disk that is not written). What a failover
/// lost so is struck from the ledger, and nothing else is.
/// </remarks>
internal sealed class SimulatedCluster : INodeConnector
{
    /// <summary>How long a message takes where nothing holds it up.</summary>
    public static readonly TimeSpan LongestWay = TimeSpan.FromMilliseconds(0.5);

    private readonly Dictionary<NodeEndpoint, SimulatedNode> _byEndpoint;
    private readonly TimeSpan[,] _linkFreeAt;
    private readonly int[] _shardOf;

    public SimulatedCluster(ServerRules rules, int seed, int masters, params int[] replicaOf)
    {
        Rules = rules;
        Dice = new Random(seed);
        Ledger = new Ledger(this);
        var count = masters + replicaOf.Length;
        Nodes = [.. Enumerable.Range(0, count).Select(index => new SimulatedNode(this, index, count))];
        _byEndpoint = Nodes.ToDictionary(node => node.Endpoint);
        _linkFreeAt = new TimeSpan[count, count];
        _shardOf = [.. Enumerable.Range(0, masters), .. replicaOf];
        foreach (var node in Nodes)
        {
            for (var i = 0; i < replicaOf.Length; i++)
                node.MasterOf[masters + i] = replicaOf[i];
            for (var i = 0; i < masters; i++)
                node.ConfigEpoch[i] = i + 1;
            node.CurrentEpoch = masters;
        }

        Clock.After(Random(400), Chat);
    }

    public ServerRules Rules { get; }

    public Random Dice { get; }

    public SimulatedClock Clock { get; } = new();

    IClock INodeConnector.Clock => Clock;

    public Ledger Ledger { get; }

    public IReadOnlyList<SimulatedNode> Nodes { get; }

    /// <summary>Asked at each MIGRATE: after how many keys the transfer breaks; null where it does not.</summary>
    public Func<SimulatedNode, int, int?>? TransferBreaks { get; set; }

    /// <summary>True while no client asks.</summary>
    public bool Quiet { get; private set; }

    /// <summary>Everything that happened, for people; null while nobody reads it.</summary>
    public List<string>? Trace { get; set; }

    /// <summary>Commands that may have written, and were sent by the operation.</summary>
    public int Writes { get; set; }

    /// <summary>True of two nodes that began as one shard.</summary>
    public bool SameShard(int a, int b) => _shardOf[a] == _shardOf[b];

    public SimulatedNode At(NodeEndpoint endpoint) => _byEndpoint[endpoint];

    public void Note(string what) => Trace?.Add(Clock.Now.TotalMilliseconds.ToString("0.00", System.Globalization.CultureInfo.InvariantCulture) + " ms  " + what);

    /// <summary>A time up to so many milliseconds.</summary>
    public TimeSpan Random(double milliseconds) => TimeSpan.FromMilliseconds(Dice.NextDouble() * milliseconds);

    /// <summary>Everybody believes the same: this node owns this part.</summary>
    public void Give(int part, int owner)
    {
        foreach (var node in Nodes)
            node.Owner[part] = owner;
    }

    /// <summary>A message goes over a bus link; those of one link stay in order.</summary>
    public void Send(int from, int to, Gossip said)
    {
        var arrives = Clock.Now + TimeSpan.FromMilliseconds(0.1) + Random((LongestWay - TimeSpan.FromMilliseconds(0.1)).TotalMilliseconds);
        if (arrives < _linkFreeAt[from, to])
            arrives = _linkFreeAt[from, to];
        _linkFreeAt[from, to] = arrives;
        Clock.After(arrives - Clock.Now, () => Nodes[to].Hear(said));
    }

    /// <summary>True of a link that stalls: what is said there waits to be written.</summary>
    public bool IsHeldUp(int from, int to) => _linkFreeAt[from, to] - Clock.Now > LongestWay;

    /// <summary>Nothing gets through on any link to or from a node for so long; it arrives late.</summary>
    public void Stall(int node, TimeSpan time)
    {
        Note(Nodes[node] + "'s bus links stall for " + time.TotalMilliseconds + " ms");
        for (var other = 0; other < Nodes.Count; other++)
            _linkFreeAt[node, other] = _linkFreeAt[other, node] = Clock.Now + time;
    }

    /// <summary>A node is down long enough for the others to notice, and its best replica takes its place where it can.</summary>
    public SimulatedNode? FailOver(SimulatedNode master)
    {
        var successor = Nodes.FirstOrDefault(node => node.IsUp && node.MasterOf[node.Index] == master.Index && SameShard(node.Index, master.Index));
        foreach (var node in Nodes.Where(node => node.IsUp))
            node.Failed[master.Index] = !master.IsUp;
        if (successor is null || !successor.TakeOver())
            return null;
        if (master.IsUp)
            master.BecomeReplicaOf(successor.Index);
        return successor;
    }

    /// <summary>Every node hears every other, again and again, until nothing new is said.</summary>
    /// <remarks>No client asks meanwhile: what they could find is looked at afterwards, key by key.</remarks>
    public void Settle()
    {
        Quiet = true;
        Clock.Pass(TimeSpan.FromSeconds(2.5));
        for (var round = 0; round < 6; round++)
        {
            foreach (var node in Nodes.Where(node => node.IsUp))
                node.Broadcast();
            Clock.Pass(TimeSpan.FromMilliseconds(5));
        }

        Quiet = false;
    }

    // Now and then each node asks one other, and is answered. (The servers do so once a second, and more often of whom they have not heard.)
    private void Chat()
    {
        foreach (var node in Nodes)
        {
            var other = Dice.Next(Nodes.Count);
            if (node.IsUp && other != node.Index)
                Send(node.Index, other, node.Speak(wantsReply: true));
        }

        Clock.After(TimeSpan.FromMilliseconds(400), Chat);
    }

    public Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
    {
        Clock.Pass(TimeSpan.FromMilliseconds(0.2));
        return _byEndpoint.TryGetValue(endpoint, out var node) && node.IsUp
            ? Task.FromResult<INodeConnection>(new SimulatedConnection(this, node))
            : Task.FromException<INodeConnection>(new RedisConnectionException(
                FailureCode.ConnectionFailed, endpoint, "Can't connect to " + endpoint + ": connection refused.", outcomeUnknown: false));
    }
}

/// <summary>A connection to one node: each send takes a moment on the way there and back, in which other things happen.</summary>
internal sealed class SimulatedConnection(SimulatedCluster cluster, SimulatedNode node) : INodeConnection
{
    private readonly ConnectionState _state = new();
    private bool _broken;

    public NodeEndpoint Endpoint => node.Endpoint;

    public bool IsUsable => !_broken;

    public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        if (_broken)
            return Lost(outcomeUnknown: false);
        cluster.Clock.Pass(TimeSpan.FromMilliseconds(0.1) + cluster.Random(0.3));
        if (!node.IsUp)
            return Lost(outcomeUnknown: true);
        var replies = new RespValue[commands.Count];
        for (var i = 0; i < replies.Length; i++)
        {
            cluster.Writes += WritingCommand.Is(commands[i]) ? 1 : 0;
            replies[i] = node.Do(commands[i], _state);
            if (cluster.Trace is not null)
                cluster.Note(node + "> " + commands[i] + "  ->  " + replies[i]);
        }

        cluster.Clock.Pass(TimeSpan.FromMilliseconds(0.1) + cluster.Random(0.3));
        return Task.FromResult<IReadOnlyList<RespValue>>(replies);
    }

    /// <summary>The connection is cut: whatever was under way has an unknown outcome.</summary>
    public void Break() => _broken = true;

    public void Dispose() => _broken = true;

    private Task<IReadOnlyList<RespValue>> Lost(bool outcomeUnknown)
    {
        _broken = true;
        return Task.FromException<IReadOnlyList<RespValue>>(new RedisConnectionException(
            FailureCode.ConnectionFailed, Endpoint, "The connection to " + Endpoint + " was lost.", outcomeUnknown));
    }
}

/// <summary>Which commands change something on a server.</summary>
internal static class WritingCommand
{
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase) { "MIGRATE", "DEL", "EXEC", "RESTORE", "SET" };
    private static readonly HashSet<string> OfCluster = new(StringComparer.OrdinalIgnoreCase) { "SETSLOT", "BUMPEPOCH", "ADDSLOTS", "DELSLOTS" };

    public static bool Is(RespCommand command)
    {
        // CLUSTER COUNTKEYSINSLOT, NODES, INFO and the like come by the thousand.
        if (command.Arguments.Count > 1 && command.Arguments[0].Length == 7 && command.Arguments[1] is [(byte)'C' or (byte)'N' or (byte)'I' or (byte)'G' or (byte)'M', ..])
            return false;
        var first = SlotMap.Name(command.Arguments[0]);
        var second = command.Arguments.Count > 1 && first is "CLUSTER" or "CONFIG" ? SlotMap.Name(command.Arguments[1]) : string.Empty;
        return first switch
        {
            "CLUSTER" => OfCluster.Contains(second),
            "CONFIG" => Words.Contains(second),
            _ => Words.Contains(first),
        };
    }
}
