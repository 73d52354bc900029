using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Slot;

/// <summary>
/// Verifies that slots have their new owner: every node that answers, replicas included, reports the same owner, and no master has the
/// slot open. One reading of all nodes verifies every slot that waits for it.
/// </summary>
internal sealed class OwnershipVerifier(ClusterReader reader, ClusterView view, StopRequest stop)
{
    // Redis and Valkey nodes learn a new owner within milliseconds. Garnet's gossip takes some seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // A new owner broadcasts its slots by itself. Nodes that have not learned the owner by then are sent it.
    private static readonly TimeSpan NotifyAfter = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly object _lock = new();
    private readonly List<(MasterPair Pair, SlotMove Slot)> _waiting = [];
    private readonly IReadOnlyList<ClusterNode> _nodes = view.Nodes.Where(node => node.IsReachable).ToList();
    private TimeSpan _due;
    private int _reading;

    /// <summary>Receives the slots of a pair that are verified.</summary>
    public Action<MasterPair, IReadOnlyList<SlotMove>>? Verified { get; init; }

    /// <summary>The slots that are not verified yet.</summary>
    public IReadOnlyList<(MasterPair Pair, SlotMove Slot)> Waiting
    {
        get
        {
            lock (_lock)
                return [.. _waiting];
        }
    }

    /// <summary>The objection of a node to an owner of a slot; null if it reports that owner.</summary>
    public static string? Objection(ClusterNode node, NodeView now, string owner, int slot)
    {
        var reported = now.OwnerOf(slot);
        if (reported == owner)
            return null;
        var what = reported is null ? "no owner" : (now.Line(reported)?.Endpoint?.ToString() ?? reported) + " as the owner";
        return node.Name + " reports " + what + " of slot " + Number(slot);
    }

    /// <summary>Reads the nodes until all of them agree on the owner of one slot.</summary>
    /// <returns>The objections that are left after the time limit; empty if all nodes agree.</returns>
    public async Task<IReadOnlyList<string>> VerifyAsync(int slot, ClusterNode owner)
    {
        IReadOnlyList<string> objections = [];
        var started = stop.Clock.Now;
        await Polling.UntilAsync(
            async () =>
            {
                var observations = await ReadAllAsync(stop.Abort).ConfigureAwait(false);
                objections = observations.Select(each => each.Objection(owner.Id, slot)).OfType<string>().ToList();
                return objections.Count == 0 || stop.Clock.Now - started > Patience;
            },
            FirstPause,
            LongestPause,
            stop.PauseAsync).ConfigureAwait(false);
        return objections;
    }

    /// <summary>Adds slots that were handed over to those that wait to be verified.</summary>
    public void Add(MasterPair pair, IEnumerable<SlotMove> slots)
    {
        lock (_lock)
            _waiting.AddRange(slots.Select(slot => (pair, slot)));
    }

    /// <summary>Verifies the waiting slots once, unless that is in progress or was done a moment ago.</summary>
    public async Task VerifyDueAsync()
    {
        if (stop.Clock.Now < _due || Interlocked.Exchange(ref _reading, 1) == 1)
            return;
        try
        {
            var started = stop.Clock.Now;
            await VerifyWaitingAsync(ignoreSilent: false, stop.Abort).ConfigureAwait(false);
            // Reading a large cluster takes long. Most of the time is for the keys.
            var taken = stop.Clock.Now - started;
            _due = stop.Clock.Now + (taken + taken + taken > Interval ? taken + taken + taken : Interval);
        }
        finally
        {
            Interlocked.Exchange(ref _reading, 0);
        }
    }

    /// <summary>Verifies the waiting slots until all nodes agree.</summary>
    /// <param name="abort">Ends the verification.</param>
    /// <returns>The slots that a node still objects to after the time limit.</returns>
    public async Task<IReadOnlyList<Disagreement>> FinishAsync(CancellationToken abort)
    {
        IReadOnlyList<Disagreement> left = [];
        var (started, isNotified) = (stop.Clock.Now, false);
        await Polling.UntilAsync(
            async () =>
            {
                // A node that has not answered for all that time can't object either, unless it is the new owner.
                var isLast = stop.Clock.Now - started > Patience;
                left = await VerifyWaitingAsync(ignoreSilent: isLast, abort).ConfigureAwait(false);
                if (left.Count == 0 || isLast)
                    return true;
                if (!isNotified && stop.Clock.Now - started > NotifyAfter)
                {
                    isNotified = true;
                    var masters = _nodes.Where(node => node.IsMaster);
                    await FanOut.AllAsync(masters, node => NotifyAsync(node, left, abort), abort).ConfigureAwait(false);
                }

                return false;
            },
            FirstPause,
            LongestPause,
            pause => stop.Clock.PauseAsync(pause, abort)).ConfigureAwait(false);
        return left;
    }

    // Source and target know the owner; a second command could only do harm there. The others are sent only what the owner itself has
    // just reported. If it failed over before that, a node would redirect its clients to the wrong master. The rest they learn by gossip.
    private async Task NotifyAsync(ClusterNode node, IReadOnlyList<Disagreement> disagreements, CancellationToken abort)
    {
        var commands = disagreements
            .Where(each => each.Owner is not null && each.Owner != node.Id)
            .Where(each => each.Pair.Source.Id != node.Id && each.Pair.Target.Id != node.Id)
            .Select(each => RespCommand.Of("CLUSTER", "SETSLOT", each.Slot.Slot, "NODE", each.Owner!)).ToList();
        if (commands.Count == 0)
            return;
        try
        {
            var connection = await reader.ConnectAsync(node, abort).ConfigureAwait(false);
            await connection.SendAsync(commands, null, abort).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            // If it matters, the node objects to the owner, or does not answer, in the next reading.
        }
    }

    private async Task<IReadOnlyList<Disagreement>> VerifyWaitingAsync(bool ignoreSilent, CancellationToken abort)
    {
        var waiting = Waiting;
        if (waiting.Count == 0)
            return [];
        var observations = await ReadAllAsync(abort).ConfigureAwait(false);
        var judged = waiting.Select(each => Judge(each.Pair, each.Slot, observations, ignoreSilent)).ToList();
        var agreed = judged.Where(each => each.Objection is null).ToList();
        lock (_lock)
            _waiting.RemoveAll(new HashSet<(MasterPair, SlotMove)>(agreed.Select(each => (each.Pair, each.Slot))).Contains);
        foreach (var pair in agreed.GroupBy(each => each.Pair))
            Verified?.Invoke(pair.Key, pair.Select(each => each.Slot).ToList());
        return judged.Where(each => each.Objection is not null).ToList();
    }

    private static Disagreement Judge(MasterPair pair, SlotMove slot, IReadOnlyList<Observation> observations, bool ignoreSilent)
    {
        var target = pair.Target.Id;
        var owner = PresentOwner(target, slot, observations);
        // A target that does not answer is not needed once another node has taken its place.
        var objection = observations
            .Where(each => each.View is not null || (each.Node.Id == target ? owner == target : !ignoreSilent))
            .Select(each => each.Objection(owner, slot.Slot))
            .FirstOrDefault(each => each is not null);
        if (objection is null)
            return new Disagreement(pair, slot, null, null);
        // While two nodes claim the slot no node is sent an owner: a target that restarts does not know yet that a replica took its place.
        var claimants = observations.Where(each => each.View is { Self.IsMaster: true } now && now.Self.Slots.Contains(slot.Slot))
            .Select(each => each.Node.Id).ToList();
        return new Disagreement(pair, slot, objection, claimants.Count == 1 && claimants[0] == owner ? owner : null);
    }

    // The target. If it failed over to one of its replicas meanwhile, that replica owns the slot.
    private static string PresentOwner(string target, SlotMove slot, IReadOnlyList<Observation> observations) =>
        observations.FirstOrDefault(each => each.Node.Id == target)?.View switch
        {
            { Self.IsMaster: false } replica => replica.Self.MasterId ?? target,
            null => observations.FirstOrDefault(each => each.Node.Line.MasterId == target
                && each.View is { Self.IsMaster: true } heir && heir.Self.Slots.Contains(slot.Slot))?.Node.Id ?? target,
            _ => target,
        };

    private Task<Observation[]> ReadAllAsync(CancellationToken abort) => FanOut.AllAsync(_nodes, node => ReadAsync(node, abort), abort);

    private async Task<Observation> ReadAsync(ClusterNode node, CancellationToken abort)
    {
        try
        {
            return new Observation(node, await reader.ReadNodeAsync(node, abort).ConfigureAwait(false), null);
        }
        catch (RedisOperationException failure)
        {
            return new Observation(node, null, failure.Message);
        }
    }

    /// <summary>What a node reports.</summary>
    private sealed record Observation(ClusterNode Node, NodeView? View, string? Trouble)
    {
        public string? Objection(string owner, int slot)
        {
            if (View is not { } now)
                return Node.Name + " could not be read: " + Trouble;
            if (OwnershipVerifier.Objection(Node, now, owner, slot) is { } objection)
                return objection;
            return now.Self.IsMaster && (now.Self.MigratingTo.ContainsKey(slot) || now.Self.ImportingFrom.ContainsKey(slot))
                ? Node.Name + " still has slot " + Number(slot) + " open"
                : null;
        }
    }

    /// <summary>The verification of one slot.</summary>
    /// <param name="Objection">Which node objects, and how; null if all nodes agree.</param>
    /// <param name="Owner">Id of the master that owns the slot and reports so itself; null if there is none.</param>
    internal sealed record Disagreement(MasterPair Pair, SlotMove Slot, string? Objection, string? Owner);
}
