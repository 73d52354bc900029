using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>Forms a cluster of separate empty nodes: slots in contiguous ranges, distinct config epochs, replicas on other hosts.</summary>
/// <param name="Session">The addresses of the nodes, and how to log in there.</param>
/// <param name="Replicas">The number of replicas of each master.</param>
internal sealed record NewClusterRequest(RedisClusterSession Session, int Replicas) : MembershipRequest(Session)
{
    // Gossip spreads an introduction in seconds, a meeting takes a tenth of one. But each pair of nodes needs its own.
    private const int MostThatMeetAll = 8;

    /// <summary>The slots of each master; the remaining nodes become replicas. Null for equal shares of all slots.</summary>
    public IReadOnlyList<SlotSet>? Shares { get; init; }

    private int Masters => Shares?.Count ?? Session.Seeds.Count / (Replicas + 1);

    /// <inheritdoc/>
    public override IReadOnlyList<NodeEndpoint> Candidates => Session.Seeds.Select(Session.MapAddress).ToList();

    // Nodes that do not know each other yet are no cluster that could be discovered from one of them. An address that can't be read is
    // missing in the view.

    /// <inheritdoc/>
    public override async Task<ClusterView> ReadClusterAsync(ClusterReader reader, CancellationToken cancellation)
    {
        var read = await reader.ReadEachAsync(Candidates, cancellation).ConfigureAwait(false);
        var failures = read.Where(each => each.Failure is not null).ToDictionary(each => each.Dialled, each => each.Failure!);
        return ViewMerge.Of(read.Select(each => each.View).OfType<NodeView>().ToList(), failures, Session);
    }

    /// <inheritdoc/>
    public override MembershipPlan Plan(MembershipSituation situation)
    {
        if (Masters == 0)
        {
            throw MembershipRefusal.Of(
                FailureCode.InvalidArgument,
                "The cluster can't be formed",
                Count(Session.Seeds.Count, "node") + " can't be a master with " + Count(Replicas, "replica") + " each",
                Session.ToString(),
                NextAction.Advise("name at least " + Number(Replicas + 1) + " nodes, or fewer replicas"));
        }

        var shares = Shares ?? Enumerable.Range(0, Masters).Select(ShareOf).ToList();
        var masterOf = ReplicaPlaces.Of(Session.Seeds.Select(seed => seed.Host).ToList(), Masters);
        var views = situation.Candidates.Select(candidate => candidate.View).ToList();
        var wanted = new Wanted(views.Select(view => view?.Id ?? string.Empty).ToList(), shares, masterOf);
        var isDone = views.All(view => view is not null) && wanted.Proof(situation.View) is null;
        if (!isDone)
            Require(situation, wanted);
        return new MembershipPlan
        {
            Kind = MigrationOperation.NewCluster,
            Node = Session.ToString(),
            Action = "form a cluster of " + Count(Masters, "master") + " and "
                + Count(Session.Seeds.Count - Masters, "replica"),
            Before = "separate nodes",
            After = "one cluster",
            Warnings = isDone ? [] : Warnings(situation, masterOf).ToList(),
            IsDone = isDone,
            Steps = isDone ? [] : Steps(situation, wanted).ToList(),
            Reads = situation.View.Nodes.Select(node => new MembershipStep(node, RespCommand.Of("INFO"), string.Empty)).ToList(),
            Proof = wanted.Proof,
        };
    }

    private SlotSet ShareOf(int master) => SlotSet.From(
        [new SlotRange(HashSlot.Count * master / Masters, HashSlot.Count * (master + 1) / Masters - 1)]);

    // A node that an interrupted run of the same request has changed is not strange.
    private void Require(MembershipSituation situation, Wanted wanted)
    {
        var problems = situation.Candidates.Select((candidate, index) =>
        {
            var allowed = index < wanted.Shares.Count ? wanted.Shares[index] : SlotSet.Empty;
            var found = Newcomer.Problems(candidate, wanted.Ids.Contains, allowed).ToList();
            if (candidate.View is { } view && wanted.Ids.Take(index).Contains(view.Id))
                found.Add((FailureCode.InvalidArgument, "is the same node as " + Session.Seeds[wanted.IndexOf(view.Id)]));
            if (candidate.View?.Self.MasterId is { } master && master != wanted.MasterIdOf(index))
                found.Add((FailureCode.NodeUnsuitable, "is a replica of " + Agreement.Name(situation.View, master)));
            return (Endpoint: Session.Seeds[index], Found: found);
        }).Where(each => each.Found.Count > 0).ToList();
        if (problems.Count == 0)
            return;
        var codes = problems.SelectMany(each => each.Found).Select(problem => problem.Code).Distinct().ToList();
        var texts = problems.Select(each => each.Endpoint + " " + string.Join(", and ", each.Found.Select(problem => problem.Why)));
        var code = codes.Count == 1 ? codes[0] : FailureCode.NodeUnsuitable;
        throw MembershipRefusal.Of(code, "The cluster can't be formed", string.Join("; ", texts), Session.ToString(), Newcomer.Cure(code));
    }

    private IEnumerable<string> Warnings(MembershipSituation situation, IReadOnlyList<int> masterOf)
    {
        if (Masters < 3)
            yield return "A cluster of fewer than three masters can't promote a replica when a master dies.";
        var sharing = Enumerable.Range(Masters, masterOf.Count)
            .Where(index => Session.Seeds[index].Host == Session.Seeds[masterOf[index - Masters]].Host).ToList();
        if (sharing.Count > 0 && Session.Seeds.Select(seed => seed.Host).Distinct().Skip(1).Any())
            yield return string.Join(", ", sharing.Select(index => Session.Seeds[index])) + " will be on the same host as its master.";
        // After an interrupted run, a view may list a node that is not one of these.
        var versions = situation.View.Nodes.Select(node => node.View).OfType<NodeView>()
            .Select(view => view.Facts.Engine + " " + view.Facts.Version).Distinct().ToList();
        if (versions.Count > 1)
            yield return "The nodes run different servers: " + string.Join(", ", versions) + ".";
    }

    private IEnumerable<MembershipStep> Steps(MembershipSituation situation, Wanted wanted)
    {
        var nodes = situation.Candidates.Select(candidate => situation.View.Node(candidate.View!.Id)!).ToList();
        var used = new HashSet<long>(nodes.Select(node => node.Line.ConfigEpoch));
        var epoch = 0;
        foreach (var node in nodes.Where(node => node.Line.ConfigEpoch == 0 && node.View!.Lines.Count == 1))
        {
            do
                epoch++;
            while (!used.Add(epoch));
            var why = "A distinct config epoch avoids a later collision.";
            yield return new MembershipStep(node, RespCommand.Of("CLUSTER", "SET-CONFIG-EPOCH", epoch), why);
        }

        for (var i = 0; i < wanted.Shares.Count; i++)
        {
            var missing = SlotSet.From(wanted.Shares[i].Slots.Where(slot => !nodes[i].Line.Slots.Contains(slot)));
            if (missing.Count == 0)
                continue;
            object[] ends = [.. missing.Ranges.SelectMany(range => new object[] { range.First, range.Last })];
            var why = nodes[i].Name + " owns " + Count(missing.Count, "slot") + ".";
            yield return new MembershipStep(nodes[i], RespCommand.Of(["CLUSTER", "ADDSLOTSRANGE", .. ends]), why);
        }

        var meetsAll = nodes.Count <= MostThatMeetAll;
        for (var i = 1; i < nodes.Count; i++)
        {
            var why = meetsAll ? "Every node meets every other one." : "Gossip introduces the node to the others.";
            foreach (var introducer in nodes.Take(meetsAll ? i : 1).Where(node => node.View!.Line(nodes[i].Id) is null))
                yield return MeetStep.Of(introducer, nodes[i].View!, Session.Seeds[i], why);
        }

        for (var i = Masters; i < nodes.Count; i++)
        {
            if (nodes[i].Line.MasterId is null)
                yield return ReplicaRequest.Step(nodes[i], nodes[wanted.MasterOf[i - Masters]]) with { After = Agreement.AllListed };
        }
    }

    /// <summary>What the cluster has to be.</summary>
    /// <param name="Ids">The id of each node, in the order of the addresses.</param>
    /// <param name="Shares">The slots of each master.</param>
    /// <param name="MasterOf">The index of each replica's master.</param>
    private sealed record Wanted(IReadOnlyList<string> Ids, IReadOnlyList<SlotSet> Shares, IReadOnlyList<int> MasterOf)
    {
        public int IndexOf(string id) => Ids.ToList().IndexOf(id);

        public string? MasterIdOf(int index) => index < Shares.Count ? null : Ids[MasterOf[index - Shares.Count]];

        public Missing? Proof(ClusterView view) => Conditions.All(
            Everyone,
            Agreement.AllListed,
            Agreement.NoHandshake,
            Slots,
            Epochs,
            Conditions.All(Enumerable.Range(Shares.Count, MasterOf.Count)
                .Select(index => Agreement.IsReplicaOf(Ids[index], MasterIdOf(index)!)).ToArray()),
            // With slots that no master owns, the cluster does not serve.
            Shares.Sum(share => share.Count) == HashSlot.Count ? new Condition(Agreement.IsServing) : null)(view);

        private Missing? Everyone(ClusterView view) =>
            Ids.FirstOrDefault(id => view.Node(id) is not { IsReachable: true }) is { } silent
                ? new Missing(Agreement.Name(view, silent) + " does not answer")
                : null;

        private Missing? Slots(ClusterView view)
        {
            for (var i = 0; i < Shares.Count; i++)
            {
                var (id, share) = (Ids[i], Shares[i]);
                var lacking = view.Nodes.Where(node => node.View?.Line(id) is not { } line || !line.Slots.Equals(share));
                if (Agreement.MissingAt(lacking, " not show the slots of " + Agreement.Name(view, id) + " yet") is { } missing)
                    return missing;
            }

            return null;
        }

        // The servers resolve a collision by themselves, in seconds.
        private Missing? Epochs(ClusterView view) =>
            Ids.Take(Shares.Count).Select(id => view.Node(id)!.Line.ConfigEpoch).Distinct().Count() < Shares.Count
                ? new Missing("two masters have the same config epoch")
                : null;
    }
}
