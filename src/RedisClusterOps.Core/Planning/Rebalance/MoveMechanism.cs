using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Whether the servers move the slots of a transfer themselves, or its keys are moved one by one. Decided before anything starts, and shown.</summary>
internal sealed class MoveMechanism
{
    private readonly MoveMethod _method;
    private readonly ILookup<string, int> _openOn;
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly List<PlanFinding> _findings = [];

    public MoveMechanism(ClusterView view, MoveMethod method)
    {
        _method = method;
        _openOn = view.OpenFlags.ToLookup(flag => flag.NodeId, flag => flag.Slot, StringComparer.Ordinal);
    }

    /// <summary>Where the servers could have done it, but for something that can be put right.</summary>
    public IReadOnlyList<PlanFinding> Findings => _findings;

    /// <exception cref="RedisOperationException">SlotStateUnsuitable, InvalidArgument or PermissionDenied: by the servers or not at all was asked for, and they can't.</exception>
    public MoveMethod Choose(SlotTransfer transfer)
    {
        if (_method == MoveMethod.KeyByKey)
            return MoveMethod.KeyByKey;
        if (_method == MoveMethod.Atomic && new[] { transfer.Source, transfer.Target }.FirstOrDefault(node => node.View!.Facts.Engine == ServerEngine.Unknown) is { } silent)
            throw PlanRefusal.Silent(silent);
        var unable = Unable(transfer);
        if (unable is not null && _method == MoveMethod.Atomic)
            throw PlanRefusal.Invalid(unable + " Nothing was done.", transfer.Source.Name, "the same command with -Method KeyByKey, or Auto");
        if (unable is not null)
            return MoveMethod.KeyByKey;
        // Both servers refuse to while any slot of theirs is open by hand, whichever it is.
        var blocked = new[] { transfer.Source, transfer.Target }.Where(node => _openOn[node.Id].Any()).ToList();
        if (blocked.Count == 0)
            return MoveMethod.Atomic;
        if (_method == MoveMethod.Atomic)
        {
            var open = OpenOn(blocked[0]);
            throw PlanRefusal.Unsuitable(PlanRefusal.Slots(open) + (open.Count == 1 ? " is" : " are") + " open on " + blocked[0].Name + ", and it refuses to move slots by itself as long as that is so.", open, PlanRefusal.WayToClose(open));
        }

        foreach (var node in blocked.Where(node => _told.Add(node.Id)))
            Tell(node, OpenOn(node));
        return MoveMethod.KeyByKey;
    }

    private SlotSet OpenOn(ClusterNode node) => SlotSet.From(_openOn[node.Id]);

    private void Tell(ClusterNode node, SlotSet open) => _findings.Add(new PlanFinding
    {
        Code = PlanFindingCode.AtomicNotPossible,
        Severity = FindingSeverity.Information,
        Target = node.Name,
        Message = node.Name + " could move slots by itself, but refuses to while " + (open.Count == 1 ? "slot " : "slots ") + PlanRefusal.Some(open) + (open.Count == 1 ? " is" : " are")
            + " open there. So its slots are moved key by key, which is slower.",
        Advice = PlanRefusal.WayToClose(open),
    });

    /// <summary>The servers could have done it, had this user the rights.</summary>
    public static PlanFinding NotAllowed(RedisOperationException denied) => new()
    {
        Code = PlanFindingCode.AtomicNotPossible,
        Severity = FindingSeverity.Information,
        Target = denied.Subject ?? string.Empty,
        Message = denied.Message.Replace(" Nothing was done.", string.Empty) + " So the slots are moved key by key, which is slower.",
        Advice = denied.Next?.ToString(),
    };

    private static string? Unable(SlotTransfer transfer)
    {
        var (source, target) = (transfer.Source.View!.Facts, transfer.Target.View!.Facts);
        var unable = new[] { transfer.Source, transfer.Target }.FirstOrDefault(node => !node.View!.Facts.MovesSlotsItself);
        if (unable is not null)
            return unable.Name + " runs " + Server(unable.View!.Facts) + ", which can't move slots by itself: Redis can from 8.4 on, Valkey from 9.0 on.";
        return source.Engine == target.Engine ? null
            : transfer.Source.Name + " runs " + Server(source) + " and " + transfer.Target.Name + " " + Server(target) + ": they don't know each other's way of moving slots.";
    }

    private static string Server(ServerFacts facts) => facts.Engine == ServerEngine.Unknown ? "a server that does not say what it is" : facts.Engine + " " + facts.Version;
}
