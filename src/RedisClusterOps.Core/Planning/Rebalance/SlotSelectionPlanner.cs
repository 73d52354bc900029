using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Numerics;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>From the slots that a person names, or a number of them, to the moves that bring them to one master. Pure.</summary>
internal sealed class SlotSelectionPlanner
{
    private const string All = "*";

    private readonly ClusterView _view;
    private readonly SlotSelection _selection;
    private readonly IReadOnlyList<Holding> _masters;
    private readonly ClusterNode _target;

    /// <summary>Where slots may come from; null for whoever owns them.</summary>
    private readonly IReadOnlyList<Holding>? _sources;

    private SlotSelectionPlanner(ClusterView view, SlotSelection selection, IReadOnlyList<Holding> masters, Func<NodeEndpoint, NodeEndpoint> reach)
    {
        (_view, _selection, _masters) = (view, selection, masters);
        _target = Master(selection.Target, reach).Node;
        if (selection.Sources is not { Count: > 0 } names)
            return;
        _sources = names.Contains(All)
            ? masters.Where(master => master.Node.Id != _target.Id).ToList()
            : names.Select(name => Master(name, reach)).Distinct().OrderBy(master => master.Node.Id, StringComparer.Ordinal).ToList();
        if (_sources.Any(source => source.Node.Id == _target.Id))
            throw PlanRefusal.Invalid(_target.Name + " is named as a source and as the target.", _target.Name, "Get-RedisClusterNode -Role Master");
    }

    /// <returns>A plan without moves where the target owns all of it already.</returns>
    /// <exception cref="RedisOperationException">InvalidArgument, SlotNotOwned, NodeNotFound, AmbiguousNode, NodeUnreachable or SlotStateUnsuitable: why there is no plan, and what to run next.</exception>
    public static RedisRebalancePlan Plan(ClusterView view, SlotSelection selection, SlotCounts counts, MoveMethod method, RedisClusterSession session)
    {
        var masters = Holding.Of(view);
        var planner = new SlotSelectionPlanner(view, selection, masters, session.Reach);
        var chosen = planner.Choose();
        PlanRefusal.RequireUncontested(view, chosen.SelectMany(part => part.Slots));
        var transfers = chosen.Where(part => part.Slots.Count > 0)
            .OrderByDescending(part => part.Slots.Count).ThenBy(part => part.Node.Id, StringComparer.Ordinal)
            .Select(part => new SlotTransfer(part.Node, planner._target, SlotSet.From(part.Slots)))
            .ToList();
        return new WholeSlotPlan(view, masters, counts, method, session).Of(MigrationOperation.Move, transfers);
    }

    private IReadOnlyList<Holding> Choose() => (_selection.Slots, _selection.Count) switch
    {
        ({ } slots, null) => Named(slots),
        (null, { } count) => Counted(count),
        (null, null) => _sources ?? throw PlanRefusal.Invalid("Which slots are to move: none is named, nor how many, nor whose.", null, "Move-RedisSlot -Slot <slots> -Target " + _target.Name),
        _ => throw PlanRefusal.Invalid("Either slots are named or how many; both were given.", null, "Move-RedisSlot -Slot <slots> -Target " + _target.Name),
    };

    private List<Holding> Named(IReadOnlyList<int> slots)
    {
        var parts = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        foreach (var slot in slots.Distinct().OrderBy(slot => slot))
        {
            if (slot is < 0 or >= HashSlot.Count)
                throw PlanRefusal.Invalid(Number(slot) + " is no slot: there are 0 to 16383.", Number(slot), "Get-RedisKeySlot -Key <key>");
            if (_view.OwnerOf(slot) is not { } owner)
                throw NotOwned(slot, "Nobody owns slot " + Number(slot) + ".", "Repair-RedisCluster -Slot " + Number(slot));
            if (owner == _target.Id)
                continue;
            if (_sources?.All(source => source.Node.Id != owner) == true)
            {
                throw NotOwned(
                    slot, "Slot " + Number(slot) + " belongs to " + _view.Node(owner)!.Name + ", not to " + string.Join(" or ", _sources.Select(source => source.Node.Name)) + ".",
                    "Get-RedisClusterNode");
            }

            if (!parts.TryGetValue(owner, out var part))
                parts[owner] = part = [];
            part.Add(slot);
        }

        return parts.Select(part => new Holding(_view.Node(part.Key)!, part.Value)).ToList();
    }

    // In proportion to what each source has, so that none is emptied while another keeps all.
    private List<Holding> Counted(int count)
    {
        if (count is < 1 or > HashSlot.Count)
            throw PlanRefusal.Invalid(Number(count) + " slots can't be moved: there are 16384.", null, "Move-RedisSlot -Count <1 to 16384>");
        if (_sources is null)
            throw PlanRefusal.Invalid("Whose slots are to move: no source is named.", null, "Move-RedisSlot -Count " + Number(count) + " -Source * -Target " + _target.Name);
        var available = _sources.Sum(source => source.Slots.Count);
        if (count > available)
        {
            throw PlanRefusal.Invalid(
                Number(count) + (count == 1 ? " slot is" : " slots are") + " asked for, and " + string.Join(" and ", _sources.Select(source => source.Node.Name + " has " + Number(source.Slots.Count)))
                + (_sources.Count > 1 ? ": " + Number(available) + " in all." : "."),
                _sources.Count == 1 ? _sources[0].Node.Name : null,
                "Get-RedisClusterNode -Role Master");
        }

        var parts = new Apportionment(count, _sources.Select(source => (BigInteger)source.Slots.Count).ToList()).Parts(Comparer<int>.Default);
        return _sources.Select((source, index) => source with { Slots = source.Slots.Take((int)parts[index]).ToList() }).ToList();
    }

    private Holding Master(string name, Func<NodeEndpoint, NodeEndpoint> reach)
    {
        var node = NodeNames.Find(_view, name, reach);
        return _masters.FirstOrDefault(master => master.Node.Id == node.Id) ?? throw PlanRefusal.Invalid(
            _view.ShardMaster(node.Id) is { } own && own.Id != node.Id
                ? node.Name + " is a replica of " + own.Name + ", and only masters own slots: name that one."
                : node.Name + " is no master, and only masters own slots.",
            node.Name,
            "Get-RedisClusterNode -Role Master");
    }

    private static RedisOperationException NotOwned(int slot, string message, string next) => new(FailureCode.SlotNotOwned, message + " Nothing was done.", Number(slot), next);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
