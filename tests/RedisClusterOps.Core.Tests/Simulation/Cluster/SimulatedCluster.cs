using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A cluster in memory whose time passes only while the caller waits. The same seed produces the same history.</summary>
/// <remarks>
/// Losses by the server itself are not modelled: asynchronous replication and unwritten disks. Writes that a failover loses this way are
/// removed from the ledger, and no others.
/// </remarks>
internal sealed class SimulatedCluster : INodeConnector
{
    /// <summary>The longest delay of a message on a link that does not stall.</summary>
    public static readonly TimeSpan LongestWay = TimeSpan.FromMilliseconds(0.5);

    /// <summary>The time for which commands of a handover may be in the air after the source has died (law 16).</summary>
    public static readonly TimeSpan InTheAir = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<NodeEndpoint, SimulatedNode> _byEndpoint;
    // By sender, receiver, and whether the message is a reply.
    private readonly TimeSpan[,,] _linkFreeAt;
    private readonly bool[,] _cut;
    private readonly int[] _shardOf;

    /// <param name="replicaOf">The master of each replica.</param>
    /// <param name="spares">Nodes that no node knows yet. They do not run.</param>
    public SimulatedCluster(ServerRules rules, int seed, int masters, int[] replicaOf, int spares = 0)
    {
        Rules = rules;
        Dice = new Random(seed);
        Ledger = new Ledger(this);
        var members = masters + replicaOf.Length;
        var count = members + spares;
        Nodes = [.. Enumerable.Range(0, count).Select(index => new SimulatedNode(this, index, count))];
        _byEndpoint = Nodes.ToDictionary(node => node.Endpoint);
        _linkFreeAt = new TimeSpan[count, count, 2];
        _cut = new bool[count, count];
        _shardOf = [.. Enumerable.Range(0, masters), .. replicaOf, .. Enumerable.Range(members, spares)];
        foreach (var spare in Nodes.Skip(members))
            spare.Crash();
        foreach (var node in Nodes.Take(members))
        {
            foreach (var other in Nodes.Take(members))
                node.Add(other);
            for (var i = 0; i < replicaOf.Length; i++)
                node.MasterOf[masters + i] = replicaOf[i];
            for (var i = 0; i < masters; i++)
                node.ConfigEpoch[i] = i + 1;
            node.CurrentEpoch = masters;
        }

        Clock.After(Random(400), Ping);
    }

    public ServerRules Rules { get; }

    public Random Dice { get; }

    public SimulatedClock Clock { get; } = new();

    IClock INodeConnector.Clock => Clock;

    public Ledger Ledger { get; }

    public IReadOnlyList<SimulatedNode> Nodes { get; }

    /// <summary>Called at each MIGRATE. Returns the number of keys after which the transfer breaks; null if it does not break.</summary>
    public Func<SimulatedNode, int, int?>? TransferBreaks { get; set; }

    /// <summary>True while clients send no requests.</summary>
    public bool Quiet { get; private set; }

    /// <summary>All events as text; null if there is no trace.</summary>
    public List<string>? Trace { get; set; }

    /// <summary>The number of commands of the operation that write.</summary>
    public int Writes { get; set; }

    /// <summary>True if both nodes started in the same shard.</summary>
    public bool SameShard(int a, int b) => _shardOf[a] == _shardOf[b];

    /// <summary>The node at an address; null if there is none.</summary>
    public SimulatedNode? At(NodeEndpoint endpoint) => _byEndpoint.TryGetValue(endpoint, out var node) ? node : null;

    /// <summary>True if nodes watch each other: fail? and fail then follow from silence, and not only from the scene.</summary>
    public bool DetectsFailures { get; set; }

    /// <summary>How much later a replica hears a message than a master: its own event loop is busy, or its link is slow.</summary>
    public (double Least, double Most) ReplicasHearLater { get; set; }

    public void Note(string what) =>
        Trace?.Add(Clock.Now.TotalMilliseconds.ToString("0.00", System.Globalization.CultureInfo.InvariantCulture) + " ms  " + what);

    /// <summary>A random time up to this number of milliseconds.</summary>
    public TimeSpan Random(double milliseconds) => TimeSpan.FromMilliseconds(Dice.NextDouble() * milliseconds);

    /// <summary>Sets the owner of a part in the view of every node.</summary>
    public void Assign(int part, int owner)
    {
        foreach (var node in Nodes.Where(node => node.IsMember))
            node.Owner[part] = owner;
    }

    /// <summary>
    /// Sends a message over a bus link. Messages of one link stay in order. A reply goes over the link of the other node.
    /// </summary>
    public void Send(int from, int to, Gossip message, bool isReply = false)
    {
        ref var freeAt = ref _linkFreeAt[from, to, isReply ? 1 : 0];
        var arrives = Clock.Now + TimeSpan.FromMilliseconds(0.1) + Random((LongestWay - TimeSpan.FromMilliseconds(0.1)).TotalMilliseconds);
        if (ReplicasHearLater.Most > 0 && !Nodes[to].IsMaster)
            arrives += TimeSpan.FromMilliseconds(ReplicasHearLater.Least) + Random(ReplicasHearLater.Most - ReplicasHearLater.Least);
        if (arrives < freeAt)
            arrives = freeAt;
        freeAt = arrives;
        message = message with { SentAt = Clock.Now };
        Clock.After(arrives - Clock.Now, () =>
        {
            if (!_cut[from, to])
                Nodes[to].Receive(message);
        });
    }

    public bool IsCut(int from, int to) => _cut[from, to];

    /// <summary>Cuts the bus links between two nodes, or mends them. Clients and our process still reach both.</summary>
    public void Cut(int a, int b, bool isCut = true)
    {
        Note((isCut ? "the link is cut: " : "the link is mended: ") + Nodes[a] + ", " + Nodes[b]);
        _cut[a, b] = _cut[b, a] = isCut;
    }

    /// <summary>Gives a node another address. No node answers at the old one.</summary>
    public void Rename(SimulatedNode node, NodeEndpoint endpoint)
    {
        _byEndpoint.Remove(node.Endpoint);
        _byEndpoint[endpoint] = node;
        node.Endpoint = endpoint;
    }

    /// <summary>A spare node, with an id of its own and without keys, starts at the address of a node that is gone for good.</summary>
    public void Replace(SimulatedNode gone, SimulatedNode spare)
    {
        var address = gone.Endpoint;
        Rename(gone, new NodeEndpoint("gone." + gone.Index.ToString(System.Globalization.CultureInfo.InvariantCulture), 6379));
        Rename(spare, address);
        spare.Add(spare);
        spare.Start();
    }

    /// <summary>True if a link stalls, so that its messages wait to be written.</summary>
    public bool IsStalled(int from, int to) =>
        _linkFreeAt[from, to, 0] - Clock.Now > LongestWay || _linkFreeAt[from, to, 1] - Clock.Now > LongestWay;

    /// <summary>Delays all messages to and from a node for this time.</summary>
    /// <param name="repliesToo">False if only the messages that are no replies are delayed.</param>
    public void Stall(int node, TimeSpan time, bool repliesToo = true)
    {
        Note(Nodes[node] + "'s bus links stall for " + time.TotalMilliseconds + " ms");
        for (var other = 0; other < Nodes.Count; other++)
        {
            for (var link = 0; link < (repliesToo ? 2 : 1); link++)
                _linkFreeAt[node, other, link] = _linkFreeAt[other, node, link] = Clock.Now + time;
        }
    }

    /// <summary>Fails over a master: the other nodes notice, and its replica takes its place if it wins the election.</summary>
    public SimulatedNode? FailOver(SimulatedNode master)
    {
        var successor = Nodes.FirstOrDefault(
            node => node.IsUp && node.MasterOf[node.Index] == master.Index && SameShard(node.Index, master.Index));
        foreach (var node in Nodes.Where(node => node.IsUp))
            node.Failed[master.Index] = !master.IsUp;
        if (successor is null || !successor.WinElection())
            return null;
        if (master.IsUp)
            master.BecomeReplicaOf(successor.Index);
        return successor;
    }

    /// <summary>CLUSTER FAILOVER: the replica is elected, and its master hears of it some milliseconds later.</summary>
    public void FailOverBeforeItHears(SimulatedNode master)
    {
        Stall(master.Index, TimeSpan.FromMilliseconds(5));
        master.DelayWrites();
        var replica = Nodes.Single(node => !node.IsMaster && SameShard(node.Index, master.Index));
        if (!replica.WinElection())
            throw new InvalidOperationException(replica + " was not elected.");
    }

    /// <summary>Exchanges gossip until every node knows the same.</summary>
    /// <remarks>Clients send no requests during that time. The invariants check all keys afterwards.</remarks>
    public void Settle()
    {
        PassQuietly(TimeSpan.FromSeconds(2.5));
        Quiet = true;
        for (var round = 0; round < 6; round++)
        {
            foreach (var node in Nodes.Where(node => node.IsUp))
                node.Broadcast();
            Clock.Pass(TimeSpan.FromMilliseconds(5));
        }

        Quiet = false;
    }

    /// <summary>Lets time pass while clients send no requests.</summary>
    public void PassQuietly(TimeSpan time)
    {
        Quiet = true;
        Clock.Pass(time);
        Quiet = false;
    }

    // Each node regularly pings one other node, which replies. Real servers do so once a second, and more often with nodes that were
    // silent.
    private void Ping()
    {
        foreach (var node in Nodes)
        {
            var other = Dice.Next(Nodes.Count);
            if (node.IsUp && other != node.Index)
                node.PingOther(other);
            if (DetectsFailures && node.IsUp)
                node.WatchOthers();
        }

        Clock.After(TimeSpan.FromMilliseconds(400), Ping);
    }

    public Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
    {
        Clock.Pass(TimeSpan.FromMilliseconds(0.2));
        return At(endpoint) is { IsUp: true, IsHiddenFromUs: false } node
            ? node.RefusesUsWith is { } refusal && ServerErrors.CodeOf(refusal) == FailureCode.AuthenticationFailed
                ? Task.FromException<INodeConnection>(new RedisConnectionException(
                    FailureCode.AuthenticationFailed, endpoint, endpoint + " refused the password.", outcomeUnknown: false))
                : Task.FromResult<INodeConnection>(new SimulatedConnection(this, node))
            : Task.FromException<INodeConnection>(new RedisConnectionException(
                FailureCode.ConnectionFailed, endpoint, "Can't connect to " + endpoint + ": connection refused.", outcomeUnknown: false));
    }
}
