using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Makes the plan that moves selected slots, or a number of them, to one master. Pure.</summary>
internal sealed class SlotSelectionPlanner
{
    private const string All = "*";

    private readonly ClusterView _view;
    private readonly SlotSelection _selection;
    private readonly IReadOnlyList<MasterSlots> _masters;
    private readonly ClusterNode _target;

    /// <summary>The masters that slots may leave; null for the owners of the named slots.</summary>
    private readonly IReadOnlyList<MasterSlots>? _sources;

    private SlotSelectionPlanner(
        ClusterView view, SlotSelection selection, IReadOnlyList<MasterSlots> masters, Func<NodeEndpoint, NodeEndpoint> mapAddress)
    {
        (_view, _selection, _masters) = (view, selection, masters);
        _target = Master(selection.Target, mapAddress).Node;
        if (selection.Sources is not { Count: > 0 } names)
            return;
        _sources = names.Contains(All)
            ? masters.Where(master => master.Node.Id != _target.Id).ToList()
            : names.Select(name => Master(name, mapAddress)).Distinct().OrderBy(master => master.Node.Id, StringComparer.Ordinal).ToList();
        if (_sources.Any(source => source.Node.Id == _target.Id))
        {
            throw PlanRefusal.Invalid(
                _target.Name + " is named both as a source and as the target.", _target.Name, new NextAction(NextActionCode.ShowMasters));
        }
    }

    /// <returns>A plan without moves if the target already owns all of the slots.</returns>
    /// <exception cref="RedisOperationException">
    /// InvalidArgument, SlotNotOwned, NodeNotFound, AmbiguousNode, NodeUnreachable or SlotStateUnsuitable.
    /// </exception>
    public static RedisRebalancePlan Plan(
        ClusterView view, SlotSelection selection, SlotCounts counts, MoveMethod method, RedisClusterSession session)
    {
        var masters = MasterSlots.Of(view);
        var planner = new SlotSelectionPlanner(view, selection, masters, session.MapAddress);
        var chosen = planner.Choose();
        PlanRefusal.RequireUncontested(view, chosen.SelectMany(part => part.Slots));
        var transfers = chosen.Where(part => part.Slots.Count > 0)
            .OrderByDescending(part => part.Slots.Count).ThenBy(part => part.Node.Id, StringComparer.Ordinal)
            .Select(part => new SlotTransfer(part.Node, planner._target, SlotSet.From(part.Slots)))
            .ToList();
        return new RebalancePlanBuilder(view, masters, counts, method, session).Build(MigrationOperation.Move, transfers);
    }

    private IReadOnlyList<MasterSlots> Choose() => (_selection.Slots, _selection.Count) switch
    {
        ({ } slots, null) => Named(slots),
        (null, { } count) => Counted(count),
        (null, null) => _sources ?? throw PlanRefusal.Invalid(
            "No slots are selected: neither slots, nor a count, nor a source is specified.", null, SelectSlots),
        _ => throw PlanRefusal.Invalid("Both slots and a count are specified. Only one of them is allowed.", null, SelectSlots),
    };

    private NextAction SelectSlots => new(NextActionCode.MoveSlots) { Slots = "<slots>", Target = _target.Name };

    private List<MasterSlots> Named(IReadOnlyList<int> slots)
    {
        var parts = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        foreach (var slot in slots.Distinct().OrderBy(slot => slot))
        {
            if (slot is < 0 or >= HashSlot.Count)
            {
                throw PlanRefusal.Invalid(
                    Number(slot) + " is not a slot. Slots are 0 to 16383.", Number(slot), new NextAction(NextActionCode.FindSlotOfKey));
            }

            if (_view.OwnerOf(slot) is not { } owner)
            {
                throw NotOwned(
                    slot, "Slot " + Number(slot) + " has no owner.", new NextAction(NextActionCode.Repair) { Slots = Number(slot) });
            }

            if (owner == _target.Id)
                continue;
            if (_sources?.All(source => source.Node.Id != owner) == true)
            {
                var named = string.Join(" or ", _sources.Select(source => source.Node.Name));
                throw NotOwned(
                    slot,
                    "Slot " + Number(slot) + " belongs to " + _view.Node(owner)!.Name + ", not to " + named + ".",
                    new NextAction(NextActionCode.ShowNodes));
            }

            if (!parts.TryGetValue(owner, out var part))
                parts[owner] = part = [];
            part.Add(slot);
        }

        return parts.Select(part => new MasterSlots(_view.Node(part.Key)!, part.Value)).ToList();
    }

    // In proportion to the slots of each source.
    private List<MasterSlots> Counted(int count)
    {
        if (count is < 1 or > HashSlot.Count)
        {
            throw PlanRefusal.Invalid(
                Number(count) + " slots can't be moved: there are 16384.",
                null,
                new NextAction(NextActionCode.MoveSlots) { Note = "with a count from 1 to 16384" });
        }

        if (_sources is null)
        {
            throw PlanRefusal.Invalid(
                "A count is specified, but no source for the slots.", null, new NextAction(NextActionCode.Repeat) { Source = All });
        }

        var available = _sources.Sum(source => source.Slots.Count);
        if (count > available)
        {
            var owned = string.Join(" and ", _sources.Select(source => source.Node.Name + " has " + Number(source.Slots.Count)));
            throw PlanRefusal.Invalid(
                Number(count) + (count == 1 ? " slot is" : " slots are") + " requested, but " + owned
                    + (_sources.Count > 1 ? ": " + Number(available) + " in all." : "."),
                _sources.Count == 1 ? _sources[0].Node.Name : null,
                new NextAction(NextActionCode.ShowMasters));
        }

        var weights = _sources.Select(source => (BigInteger)source.Slots.Count).ToList();
        var parts = new Apportionment(count, weights).Parts(Comparer<int>.Default);
        return _sources.Select((source, index) => source with { Slots = source.Slots.Take((int)parts[index]).ToList() }).ToList();
    }

    private MasterSlots Master(string name, Func<NodeEndpoint, NodeEndpoint> mapAddress)
    {
        var node = NodeNames.Find(_view, name, mapAddress);
        return _masters.FirstOrDefault(master => master.Node.Id == node.Id) ?? throw PlanRefusal.NotAMaster(_view, node);
    }

    private static RedisOperationException NotOwned(int slot, string message, NextAction next) =>
        new(FailureCode.SlotNotOwned, message + PlanRefusal.NothingChanged, Number(slot), next);
}
