using System;
using System.Numerics;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// A node that is silent for the node timeout is suspected (fail?) by each node for itself. It has failed (fail) once a majority of the
/// masters reports it (src/cluster_legacy.c: markNodeAsFailingIfNeeded, clearNodeFailureIfNeeded).
/// </summary>
internal sealed partial class SimulatedNode
{
    /// <summary>cluster-node-timeout.</summary>
    public static readonly TimeSpan NodeTimeout = TimeSpan.FromSeconds(1);

    private readonly TimeSpan[] _heardAt;
    private readonly TimeSpan[] _failedAt;

    // The masters that report a node as failed or suspected, one bit for each.
    private readonly int[] _reports;

    private int _suspected;

    /// <summary>True if this node alone misses the other one: fail? in its CLUSTER NODES.</summary>
    public bool Suspects(int node) => (_suspected & (1 << node)) != 0;

    private int Quorum()
    {
        var voters = 0;
        for (var node = 0; node < MasterOf.Length; node++)
            voters += Knows(node) && MasterOf[node] == NoNode && SlotsOf(node) > 0 ? 1 : 0;
        return (voters / 2) + 1;
    }

    /// <summary>Asks nodes that were silent for half of the timeout, and suspects those that do not answer.</summary>
    public void WatchOthers()
    {
        for (var other = 0; other < MasterOf.Length; other++)
        {
            if (other == Index || !Knows(other))
                continue;
            var silent = _cluster.Clock.Now - _heardAt[other];
            if (silent > NodeTimeout / 2)
                SendTo(other, CreateMessage(wantsReply: true));
            if (silent <= NodeTimeout || Failed[other])
                continue;
            _suspected |= 1 << other;
            FailIfAgreed(other);
        }
    }

    private void ReceiveReports(Gossip message)
    {
        if (message.MasterOf != NoNode)
            return;
        for (var node = 0; node < MasterOf.Length; node++)
        {
            if (!Knows(node) || node == Index)
                continue;
            var isReported = (message.Suspected & (1 << node)) != 0;
            _reports[node] = isReported ? _reports[node] | (1 << message.From) : _reports[node] & ~(1 << message.From);
            if (isReported)
                FailIfAgreed(node);
        }
    }

    private void FailIfAgreed(int node)
    {
        if (!Suspects(node) || Failed[node])
            return;
        var reports = BitOperations.PopCount((uint)(_reports[node] & _known)) + (IsMaster ? 1 : 0);
        if (reports < Quorum())
            return;
        _cluster.Note(this + " marks n" + node + " as failed");
        MarkFailed(node);
        foreach (var other in _cluster.Nodes)
        {
            if (other != this)
                SendTo(other.Index, CreateMessage(wantsReply: false) with { IsFail = true, About = node });
        }
    }

    private void MarkFailed(int node)
    {
        Failed[node] = true;
        _suspected &= ~(1 << node);
        _failedAt[node] = _cluster.Clock.Now;
    }

    private void ReceiveFail(Gossip message)
    {
        if (Knows(message.From) && Knows(message.About) && message.About != Index)
            MarkFailed(message.About);
    }

    // A master that still owns slots stays failed for twice the timeout, so that a replica can take its place.
    private void Hear(int from)
    {
        _heardAt[from] = _cluster.Clock.Now;
        _suspected &= ~(1 << from);
        var mayClear = !_cluster.DetectsFailures || MasterOf[from] != NoNode || SlotsOf(from) == 0
            || _cluster.Clock.Now - _failedAt[from] > 2 * NodeTimeout;
        if (Failed[from] && mayClear)
            Failed[from] = false;
    }

    // The servers serve no key while a majority of the masters is out of reach.
    private bool SeesMajority()
    {
        var reachable = 0;
        for (var node = 0; node < MasterOf.Length; node++)
        {
            var isVoter = Knows(node) && MasterOf[node] == NoNode && SlotsOf(node) > 0;
            reachable += isVoter && !Failed[node] && !Suspects(node) ? 1 : 0;
        }

        return reachable >= Quorum();
    }

    private int SuspectedOrFailed()
    {
        var failed = 0;
        for (var node = 0; node < Failed.Length; node++)
            failed |= Failed[node] ? 1 << node : 0;
        return failed | _suspected;
    }
}
