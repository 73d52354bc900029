using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Decides whether the servers move the slots of a transfer themselves, or keys are moved one by one. The plan shows it.</summary>
internal sealed class MoveMethodChoice
{
    private readonly MoveMethod _method;
    private readonly ILookup<string, int> _openOn;
    private readonly HashSet<string> _reported = new(StringComparer.Ordinal);
    private readonly List<PlanFinding> _findings = [];

    public MoveMethodChoice(ClusterView view, MoveMethod method)
    {
        _method = method;
        _openOn = view.OpenFlags.ToLookup(flag => flag.NodeId, flag => flag.Slot, StringComparer.Ordinal);
    }

    /// <summary>The nodes that could move slots themselves if an obstacle were removed.</summary>
    public IReadOnlyList<PlanFinding> Findings => _findings;

    /// <exception cref="RedisOperationException">
    /// SlotStateUnsuitable, InvalidArgument or PermissionDenied: atomic moves are required but not possible.
    /// </exception>
    public MoveMethod Choose(SlotTransfer transfer)
    {
        if (_method == MoveMethod.KeyByKey)
            return MoveMethod.KeyByKey;
        ClusterNode[] ends = [transfer.Source, transfer.Target];
        if (_method == MoveMethod.Atomic && ends.FirstOrDefault(node => node.View!.Facts.Engine == ServerEngine.Unknown) is { } unknown)
            throw PlanRefusal.UnknownServer(unknown);
        var unable = Unable(transfer);
        if (unable is not null && _method == MoveMethod.Atomic)
        {
            throw PlanRefusal.Invalid(
                unable + PlanRefusal.NothingChanged,
                transfer.Source.Name,
                new NextAction(NextActionCode.Repeat) { Options = NextActionOptions.KeyByKey });
        }

        if (unable is not null)
            return MoveMethod.KeyByKey;
        // Both servers refuse an atomic move while any slot of theirs has a flag.
        var blocked = ends.Where(node => _openOn[node.Id].Any()).ToList();
        if (blocked.Count == 0)
            return MoveMethod.Atomic;
        if (_method == MoveMethod.Atomic)
        {
            var open = OpenOn(blocked[0]);
            throw PlanRefusal.Unsuitable(
                PlanRefusal.SlotsAre(open) + " open on " + blocked[0].Name + ". Meanwhile it refuses to move slots itself.",
                open,
                PlanRefusal.WayToClose(open));
        }

        foreach (var node in blocked.Where(node => _reported.Add(node.Id)))
            _findings.Add(Blocked(node, OpenOn(node)));
        return MoveMethod.KeyByKey;
    }

    private SlotSet OpenOn(ClusterNode node) => SlotSet.From(_openOn[node.Id]);

    private static PlanFinding Blocked(ClusterNode node, SlotSet open) => new()
    {
        Code = PlanFindingCode.AtomicNotPossible,
        Severity = FindingSeverity.Information,
        Target = node.Name,
        Message = node.Name + " could move slots itself, but refuses to because of open slots: " + PlanRefusal.Some(open)
            + ". Its slots are moved key by key, which is slower.",
        Next = PlanRefusal.WayToClose(open),
    };

    /// <summary>Reports that the servers could move the slots themselves, but for a missing right or module.</summary>
    public static PlanFinding NotAllowed(RedisOperationException denied) => new()
    {
        Code = PlanFindingCode.AtomicNotPossible,
        Severity = FindingSeverity.Information,
        Target = denied.Subject ?? string.Empty,
        Message = denied.Message.Replace(PlanRefusal.NothingChanged, string.Empty) + " The slots are moved key by key, which is slower.",
        Next = denied.Code == FailureCode.ModuleMissing ? denied.Next! with { Or = null } : denied.Next,
    };

    private static string? Unable(SlotTransfer transfer)
    {
        var (source, target) = (transfer.Source.View!.Facts, transfer.Target.View!.Facts);
        var unable = new[] { transfer.Source, transfer.Target }.FirstOrDefault(node => !node.View!.Facts.MovesSlotsItself);
        if (unable is not null)
        {
            return unable.Name + " runs " + Server(unable.View!.Facts)
                + ", which can't move slots itself. Redis can since 8.4, Valkey since 9.0.";
        }

        return source.Engine == target.Engine ? null
            : transfer.Source.Name + " runs " + Server(source) + " and " + transfer.Target.Name + " runs " + Server(target)
                + ". They can't move slots to each other.";
    }

    private static string Server(ServerFacts facts) =>
        facts.Engine == ServerEngine.Unknown ? "a server that does not report its version" : facts.Engine + " " + facts.Version;
}
