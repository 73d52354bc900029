using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A cluster as a planner sees it: the owner and load of each slot, and the state of the nodes.</summary>
internal sealed class PlannedCluster(IReadOnlyList<int> ownerOfSlot, int masters)
{
    public static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    private static readonly DateTime Now = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Index of the owner of each slot; -1 for none.</summary>
    public IReadOnlyList<int> OwnerOfSlot { get; } = ownerOfSlot;

    public int Masters { get; } = masters;

    /// <summary>One replica of each of the first so many masters.</summary>
    public int Replicas { get; init; }

    public IReadOnlyCollection<int> Down { get; init; } = [];

    /// <summary>Masters that answer, and that the others suspect.</summary>
    public IReadOnlyCollection<int> Suspected { get; init; } = [];

    /// <summary>Slot, the master that has it open, and the other end.</summary>
    public IReadOnlyList<(int Slot, int Node, int Peer, bool IsMigrating)> Open { get; init; } = [];

    public Func<int, string> Info { get; init; } = _ => "redis_version:7.0.15";

    public Func<int, long?> Keys { get; init; } = _ => 1;

    public Func<int, long?> Bytes { get; init; } = _ => 100;

    public SlotCounts Counts
    {
        get
        {
            var counts = new SlotCounts();
            for (var slot = 0; slot < HashSlot.Count; slot++)
                counts.Set(slot, Keys(slot), Bytes(slot));
            return counts;
        }
    }

    /// <summary>So many slots for each master, in runs, the first master first.</summary>
    public static PlannedCluster Runs(params int[] slots) =>
        new(slots.SelectMany((count, index) => Enumerable.Repeat(index, count)).ToList(), slots.Length);

    public static string Id(int index) => (index + 1).ToString("x3", CultureInfo.InvariantCulture).PadRight(8, 'a').PadLeft(40, 'c');

    public static string Name(int index) =>
        "10." + (index / 250).ToString(CultureInfo.InvariantCulture) + ".0." + (index % 250 + 1).ToString(CultureInfo.InvariantCulture)
            + ":6379";

    public IReadOnlyList<int> SlotCounts => [.. Enumerable.Range(0, Masters).Select(index => OwnerOfSlot.Count(owner => owner == index))];

    public ClusterView View()
    {
        var owned = Enumerable.Range(0, HashSlot.Count).ToLookup(slot => OwnerOfSlot[slot]);
        var lines = Enumerable.Range(0, Masters + Replicas).Select(index => Line(index, SlotSet.From(owned[index]))).ToList();
        return new ClusterView(Enumerable.Range(0, lines.Count).Select(index => Node(index, lines))
            .OrderBy(node => node.Id, StringComparer.Ordinal).ToList(), Now);
    }

    public RedisRebalancePlan Plan(RebalanceOptions? options = null, MoveMethod method = MoveMethod.Auto) =>
        WithAdvice(RebalancePlanner.Plan(View(), options ?? new RebalanceOptions(), Counts, method, Session));

    public RedisRebalancePlan Plan(SlotSelection selection, MoveMethod method = MoveMethod.Auto) =>
        WithAdvice(SlotSelectionPlanner.Plan(View(), selection, Counts, method, Session));

    private static RedisRebalancePlan WithAdvice(RedisRebalancePlan plan) =>
        plan with { Findings = [.. plan.Findings.Select(finding => finding.WithAdvice(NextActionText.Of))] };

    /// <summary>The cluster once the plan has been carried out.</summary>
    public PlannedCluster After(RedisRebalancePlan plan)
    {
        var owners = OwnerOfSlot.ToArray();
        var index = Enumerable.Range(0, Masters).ToDictionary(Id);
        foreach (var move in plan.Moves)
        {
            foreach (var slot in SlotSet.From(move.Ranges).Slots)
                owners[slot] = owners[slot] == index[move.SourceId] ? index[move.TargetId]
                    : throw new InvalidOperationException("slot " + slot + " is not the source's");
        }

        return new PlannedCluster(owners, Masters) { Replicas = Replicas, Keys = Keys, Bytes = Bytes, Info = Info };
    }

    private NodeLine Line(int index, SlotSet slots) => new()
    {
        Id = Id(index),
        Host = Name(index).Split(':')[0],
        Port = 6379,
        Flags = index < Masters ? NodeFlags.Master : NodeFlags.Replica,
        MasterId = index < Masters ? null : Id(index - Masters),
        ConfigEpoch = index + 1,
        Connected = true,
        Slots = slots,
    };

    private ClusterNode Node(int index, List<NodeLine> lines)
    {
        var self = lines[index] with
        {
            Flags = lines[index].Flags | NodeFlags.Myself,
            MigratingTo = Open.Where(flag => flag.Node == index && flag.IsMigrating).ToDictionary(flag => flag.Slot, flag => Id(flag.Peer)),
            ImportingFrom = Open.Where(flag => flag.Node == index && !flag.IsMigrating).ToDictionary(flag => flag.Slot, flag =>
                Id(flag.Peer)),
        };
        var endpoint = new NodeEndpoint(self.Host, self.Port);
        // Every node believes the same; only its own line is its own.
        var view = Down.Contains(index) ? null
            : new NodeView(endpoint, [self, .. lines.Where(line => line.Id != self.Id)]) { Facts = ServerFacts.Parse(Info(index)) };
        var state = Down.Contains(index) ? RedisNodeState.Fail : Suspected.Contains(index) ? RedisNodeState.PFail : RedisNodeState.Ok;
        return new ClusterNode(self.Id, endpoint, view?.Self ?? lines[index], view, state, view is null ? "connection refused" : null);
    }
}
