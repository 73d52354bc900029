using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>The proof for many slots: every node that answers, replicas included, names the new owner, and no master has the slot open. One look proves all that are waiting.</summary>
internal sealed class OwnerProof(ClusterReader reader, ClusterView view, Action<MasterPair, IReadOnlyList<SlotMove>> proved, StopRequest stop)
{
    // Redis and Valkey tell each other in milliseconds, Garnet's gossip takes some seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // A new owner tells everybody at once, by itself. Whoever has not heard by then is told.
    private static readonly TimeSpan Hearsay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly object _turn = new();
    private readonly List<(MasterPair Pair, SlotMove Slot)> _waiting = [];
    private readonly IReadOnlyList<ClusterNode> _nodes = view.Nodes.Where(node => node.IsReachable).ToList();
    private TimeSpan _next;
    private int _looking;

    public void Add(MasterPair pair, IEnumerable<SlotMove> slots)
    {
        lock (_turn)
            _waiting.AddRange(slots.Select(slot => (pair, slot)));
    }

    /// <summary>Looks, unless somebody is looking or has just looked.</summary>
    public async Task LookAsync()
    {
        if (stop.Clock.Now < _next || Interlocked.Exchange(ref _looking, 1) == 1)
            return;
        try
        {
            var started = stop.Clock.Now;
            await LookOnceAsync(stop.Abort).ConfigureAwait(false);
            // A large cluster takes long to ask; most of the time is for the keys.
            var taken = stop.Clock.Now - started;
            _next = stop.Clock.Now + (taken + taken + taken > Interval ? taken + taken + taken : Interval);
        }
        finally
        {
            Interlocked.Exchange(ref _looking, 0);
        }
    }

    /// <summary>Slots of which it is not known yet that everybody agrees.</summary>
    public IReadOnlyList<(MasterPair Pair, SlotMove Slot)> Left
    {
        get
        {
            lock (_turn)
                return [.. _waiting];
        }
    }

    /// <summary>Looks until all agree.</summary>
    /// <param name="abort">Ends the looking.</param>
    /// <returns>The slots about which somebody still disagrees when patience ran out, with who and how.</returns>
    public async Task<IReadOnlyList<Disagreement>> FinishAsync(CancellationToken abort)
    {
        var pause = TimeSpan.FromMilliseconds(10);
        var told = false;
        for (var started = stop.Clock.Now; ; pause = TimeSpan.FromMilliseconds(Math.Min(500, pause.TotalMilliseconds * 2)))
        {
            // Whoever does not answer for all that time can't disagree either, unless it is the new owner.
            var forgiving = stop.Clock.Now - started > Patience;
            var complaints = await LookOnceAsync(abort, forgiving).ConfigureAwait(false);
            if (complaints.Count == 0 || forgiving)
                return complaints;
            if (!told && stop.Clock.Now - started > Hearsay)
            {
                told = true;
                await FanOut.AllAsync(_nodes.Where(node => node.IsMaster), node => TellAsync(node, complaints, abort), abort).ConfigureAwait(false);
            }

            await stop.Clock.PauseAsync(pause, abort).ConfigureAwait(false);
        }
    }

    // Neither to who wins nor to who loses: these two know, and a second word could only confuse them. And only what the owner itself says
    // in this very look: told that a master which has failed over since owns it, a node would send its clients there. What it can't be told it hears.
    private async Task TellAsync(ClusterNode node, IReadOnlyList<Disagreement> disagreements, CancellationToken abort)
    {
        var commands = disagreements.Where(each => each.Owner is not null && each.Owner != node.Id && each.Pair.Source.Id != node.Id && each.Pair.Target.Id != node.Id)
            .Select(each => RespCommand.Of("CLUSTER", "SETSLOT", each.Slot.Slot, "NODE", each.Owner!)).ToList();
        if (commands.Count == 0)
            return;
        try
        {
            await (await reader.ConnectAsync(node, abort).ConfigureAwait(false)).SendAsync(commands, null, abort).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            // The proof says so, if it matters.
        }
    }

    private async Task<IReadOnlyList<Disagreement>> LookOnceAsync(CancellationToken abort, bool forgiving = false)
    {
        List<(MasterPair Pair, SlotMove Slot)> waiting;
        lock (_turn)
            waiting = [.. _waiting];
        if (waiting.Count == 0)
            return [];
        var views = await FanOut.AllAsync(_nodes, node => ReadAsync(node, abort), abort).ConfigureAwait(false);
        var judged = waiting.Select(each => Judge(each.Pair, each.Slot, views, forgiving)).ToList();
        var agreed = judged.Where(each => each.Complaint is null).ToList();
        lock (_turn)
            _waiting.RemoveAll(new HashSet<(MasterPair, SlotMove)>(agreed.Select(each => (each.Pair, each.Slot))).Contains);
        foreach (var pair in agreed.GroupBy(each => each.Pair))
            proved(pair.Key, pair.Select(each => each.Slot).ToList());
        return judged.Where(each => each.Complaint is not null).ToList();
    }

    private static Disagreement Judge(MasterPair pair, SlotMove slot, IReadOnlyList<Look> looks, bool forgiving)
    {
        var target = pair.Target.Id;
        var owner = PresentOwner(target, slot, looks);
        // Nobody waits for a target whose place another has taken.
        var complaint = looks
            .Where(look => look.View is not null || (look.Node.Id == target ? owner == target : !forgiving))
            .Select(look => ComplaintOf(look, owner, slot))
            .FirstOrDefault(each => each is not null);
        if (complaint is null)
            return new Disagreement(pair, slot, null, null);
        // Nobody is told while two claim it: a target that comes back has not heard yet that a replica took its place.
        var claimants = looks.Where(look => look.View is { Self.IsMaster: true } view && view.Self.Slots.Contains(slot.Slot)).Select(look => look.Node.Id).ToList();
        return new Disagreement(pair, slot, complaint, claimants.Count == 1 && claimants[0] == owner ? owner : null);
    }

    // The target; where it has handed over to a replica of its own meanwhile, or died and one was promoted, that one has the slots.
    private static string PresentOwner(string target, SlotMove slot, IReadOnlyList<Look> looks) => looks.FirstOrDefault(look => look.Node.Id == target)?.View switch
    {
        { Self.IsMaster: false } replica => replica.Self.MasterId ?? target,
        null => looks.FirstOrDefault(look => look.Node.Line.MasterId == target && look.View is { Self.IsMaster: true } heir && heir.Self.Slots.Contains(slot.Slot))?.Node.Id ?? target,
        _ => target,
    };

    private async Task<Look> ReadAsync(ClusterNode node, CancellationToken abort)
    {
        try
        {
            return new Look(node, await reader.ReadNodeAsync(node, abort).ConfigureAwait(false), null);
        }
        catch (RedisOperationException failure)
        {
            return new Look(node, null, failure.Message);
        }
    }

    private static string? ComplaintOf(Look look, string owner, SlotMove slot)
    {
        if (look.View is not { } now)
            return look.Node.Name + " could not be asked: " + look.Trouble;
        var believed = now.OwnerOf(slot.Slot);
        if (believed != owner)
            return look.Node.Name + " takes " + (believed is null ? "nobody" : now.Line(believed)?.Endpoint?.ToString() ?? believed) + " for the owner";
        return now.Self.IsMaster && (now.Self.MigratingTo.ContainsKey(slot.Slot) || now.Self.ImportingFrom.ContainsKey(slot.Slot)) ? look.Node.Name + " still has it open" : null;
    }

    private sealed record Look(ClusterNode Node, NodeView? View, string? Trouble);

    /// <summary>What is not proved yet of a slot.</summary>
    /// <param name="Complaint">Who disagrees and how; null where everybody agrees.</param>
    /// <param name="Owner">Id of the master that has taken the slot and says so itself; null where it says otherwise, or nothing.</param>
    internal sealed record Disagreement(MasterPair Pair, SlotMove Slot, string? Complaint, string? Owner);
}
