using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>Introduces a node to a cluster by CLUSTER MEET, which takes an IP address.</summary>
internal static class MeetStep
{
    // The default distance from the port to the bus port.
    private const int BusOffset = 10_000;

    /// <param name="introducer">The node that meets the other one. Gossip introduces it to the rest.</param>
    /// <param name="candidate">The node to introduce, as it reports itself.</param>
    /// <param name="requested">The address at which the other nodes reach it.</param>
    /// <param name="why">Why it is introduced.</param>
    /// <exception cref="RedisOperationException">InvalidArgument: the address has no IP address that other nodes could use.</exception>
    public static MembershipStep Of(ClusterNode introducer, NodeView candidate, NodeEndpoint requested, string why)
    {
        var address = AddressOf(requested, introducer.View!.Self);
        object[] command = ["CLUSTER", "MEET", address.Host, address.Port];
        var bus = candidate.Self.BusPort;
        if (candidate.Self.Port == address.Port && bus != 0 && bus != address.Port + BusOffset)
            command = [.. command, bus];
        return new MembershipStep(introducer, RespCommand.Of(command), why);
    }

    /// <summary>A view of one node that is not yet part of the cluster.</summary>
    public static ClusterNode NodeOf(NodeView view) =>
        new(view.Id, view.Self.Endpoint ?? view.Dialled, view.Self, view, RedisNodeState.Ok, null);

    // A node does not know its own address before another one has met it, and reports the old one after a move.
    private static NodeEndpoint AddressOf(NodeEndpoint requested, NodeLine introducer)
    {
        var ip = IPAddress.TryParse(requested.Host, out var parsed) ? parsed
            : Resolve(requested.Host) ?? throw Refused(requested, "its name can't be resolved, and nodes meet by IP address");
        var isElsewhere = IPAddress.TryParse(introducer.Host, out var other) && !IPAddress.IsLoopback(other);
        return isElsewhere && IPAddress.IsLoopback(ip)
            ? throw Refused(requested, "the other nodes are on other machines, and can't reach a loopback address. Name the address that"
                + " they use, with an address map if this machine needs another one")
            : new NodeEndpoint(ip.ToString(), requested.Port);
    }

    private static IPAddress? Resolve(string host)
    {
        try
        {
            var addresses = Dns.GetHostAddresses(host);
            return addresses.FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork) ?? addresses.FirstOrDefault();
        }
        catch (Exception failure) when (failure is SocketException or ArgumentException)
        {
            return null;
        }
    }

    private static RedisOperationException Refused(NodeEndpoint endpoint, string why) => MembershipRefusal.Of(
        FailureCode.InvalidArgument, endpoint + " can't be introduced to the cluster", why, endpoint.ToString(),
        new NextAction(NextActionCode.ShowNodes));
}

/// <summary>Why the node at a requested address can't join a cluster, as clauses; none if it can.</summary>
internal static class Newcomer
{
    /// <summary>The nodes that it lists beside itself. A handshake is not yet a node.</summary>
    public static IEnumerable<NodeLine> Acquaintances(NodeView view) =>
        view.DistinctLines.Where(line => line.Id != view.Id && (line.Flags & NodeFlags.Handshake) == 0);

    public static IEnumerable<(FailureCode Code, string Why)> Problems(Candidate candidate, Func<string, bool> isMember, SlotSet allowed)
    {
        if (candidate.View is not { } view)
        {
            yield return (candidate.Failure!.Code, "could not be read (" + candidate.Failure.Message.TrimEnd('.') + ")");
            yield break;
        }

        var foreign = Acquaintances(view).Where(line => !isMember(line.Id)).ToList();
        if (foreign.Count > 0)
        {
            yield return (
                FailureCode.NodeUnsuitable,
                "already belongs to a cluster: it lists " + (foreign[0].Endpoint?.ToString() ?? foreign[0].Id)
                    + (foreign.Count > 1 ? " and " + Count(foreign.Count - 1, "other node") : string.Empty));
        }

        if (view.Self.Slots.Slots.Any(slot => !allowed.Contains(slot)))
            yield return (FailureCode.NodeNotEmpty, "owns " + Count(view.Self.Slots.Count, "slot"));
        if (view.KeyCount is null)
            yield return (FailureCode.PermissionDenied, "does not permit this user to run INFO, so it is unknown whether it holds keys");
        if (view.KeyCount is { } keys && keys > 0)
            yield return (FailureCode.NodeNotEmpty, "holds " + Count(keys, "key"));
    }

    /// <summary>What to do about a refusal.</summary>
    public static NextAction Cure(FailureCode code) => ServerErrors.NextOf(code) ?? NextAction.Advise(
        "name empty nodes in cluster mode. If nothing on a node is needed, FLUSHALL and then CLUSTER RESET HARD on it make it empty");
}
