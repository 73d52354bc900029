using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Membership;
using Xunit;

namespace RedisClusterOps.Core.Tests.Membership;

/// <summary>Servers in memory that follow the rules of membership. Gossip and replication are instant.</summary>
internal sealed class MemberModel
{
    private readonly List<Server> _servers = [];

    /// <summary>Separate empty nodes 10.0.0.1:6379, 10.0.0.2:6379 and so on.</summary>
    public static MemberModel Separate(int count)
    {
        var model = new MemberModel();
        for (var i = 1; i <= count; i++)
            model.Start("10.0.0." + i + ":6379");
        return model;
    }

    /// <summary>Two masters with half of the slots each, and a replica of the first: 10.0.0.1, 10.0.0.2 and 10.0.0.3.</summary>
    public static MemberModel Formed()
    {
        var model = Separate(3);
        model.At(1).Slots = SlotSet.From([new SlotRange(0, 8191)]);
        model.At(2).Slots = SlotSet.From([new SlotRange(8192, 16383)]);
        model.Join(1, 2).Join(1, 3);
        model.At(3).MasterId = model.At(1).Id;
        return model;
    }

    public Server Start(string address)
    {
        _ = NodeEndpoint.TryParse(address, out var endpoint);
        var server = new Server((_servers.Count + 1).ToString("x").PadLeft(40, '0'), endpoint);
        _servers.Add(server);
        return server;
    }

    /// <summary>The n-th server that was started, from 1.</summary>
    public Server At(int number) => _servers[number - 1];

    public MemberModel Join(int first, int second)
    {
        HashSet<string> group = [.. At(first).Group(this), .. At(second).Group(this)];
        foreach (var server in _servers.Where(server => group.Contains(server.Id)))
            server.Known.UnionWith(group.Where(id => id != server.Id));
        return this;
    }

    /// <summary>Reads the cluster of the first server, and the nodes at the candidate addresses.</summary>
    public MembershipSituation Read(MembershipRequest request)
    {
        var candidates = request.Candidates.Select(endpoint => Find(endpoint) is { IsUp: true } server
            ? new Candidate(endpoint, server.View(this), null)
            : new Candidate(endpoint, null, new RedisOperationException(FailureCode.ConnectionFailed, "connection refused"))).ToList();
        return new MembershipSituation(Merge(request), candidates);
    }

    public MembershipPlan Plan(MembershipRequest request) => request.Plan(Read(request));

    /// <summary>Carries out the first commands of a plan, each after its condition holds.</summary>
    public void Carry(MembershipRequest request, int first = int.MaxValue)
    {
        foreach (var step in Plan(request).Steps.Take(first))
        {
            Assert.Null(step.After?.Invoke(Read(request).View));
            Apply(step);
        }
    }

    /// <summary>Applies a command as the servers do; an error of the server is an exception.</summary>
    public void Apply(MembershipStep step)
    {
        var server = _servers.Single(server => server.Id == step.Node.Id);
        var words = step.Command.ToString().Split(' ');
        switch (words[1])
        {
            case "SET-CONFIG-EPOCH" when server.Known.Count == 0 && server.Epoch == 0:
                server.Epoch = long.Parse(words[2]);
                break;
            case "ADDSLOTSRANGE":
                var range = new SlotRange(int.Parse(words[2]), int.Parse(words[3]));
                var taken = _servers.Where(other => server.Group(this).Contains(other.Id)).SelectMany(other => other.Slots.Slots);
                if (taken.Any(slot => range.First <= slot && slot <= range.Last))
                    throw new InvalidOperationException("Slot is already busy");
                server.Slots = SlotSet.From(server.Slots.Ranges.Append(range));
                break;
            case "MEET":
                var met = Find(new NodeEndpoint(words[2], int.Parse(words[3]))) ?? throw new InvalidOperationException("no node there");
                server.Listed.Remove(met.Id);
                Join(_servers.IndexOf(server) + 1, _servers.IndexOf(met) + 1);
                break;
            case "REPLICATE" when server.Known.Contains(words[2])
                && server is { Slots.Count: 0 } and ({ Keys: 0 } or { MasterId: not null }):
                var master = _servers.Single(other => other.Id == words[2] && other.MasterId is null);
                (server.MasterId, server.Keys) = (master.Id, master.Keys);
                break;
            case "FORGET" when server.Known.Contains(words[2]) && server.MasterId != words[2]:
                server.Known.Remove(words[2]);
                break;
            case "RESET" when server.MasterId is not null || server.Keys == 0:
                server.Known.Clear();
                (server.MasterId, server.Keys, server.Slots) = (null, 0, SlotSet.Empty);
                break;
            default:
                throw new InvalidOperationException("The server refuses " + step.Command);
        }
    }

    private ClusterView Merge(MembershipRequest request)
    {
        var group = request is NewClusterRequest ? [.. _servers.Select(server => server.Id)] : At(1).Group(this);
        var views = _servers.Where(server => server.IsUp && group.Contains(server.Id)).Select(server => server.View(this)).ToList();
        return ViewMerge.Of(views, new Dictionary<NodeEndpoint, RedisOperationException>(), request.Session);
    }

    private Server? Find(NodeEndpoint endpoint) => _servers.FirstOrDefault(server => server.Endpoint == endpoint);

    internal sealed class Server(string id, NodeEndpoint endpoint)
    {
        public string Id => id;

        public NodeEndpoint Endpoint { get; set; } = endpoint;

        public long Epoch { get; set; }

        public SlotSet Slots { get; set; } = SlotSet.Empty;

        public string? MasterId { get; set; }

        public long? Keys { get; set; } = 0;

        public bool IsUp { get; set; } = true;

        public string Info { get; set; } = string.Empty;

        public HashSet<string> Known { get; } = [];

        /// <summary>True while it lists a node also under a provisional id.</summary>
        public bool IsInHandshake { get; set; }

        /// <summary>The address at which this server lists another one, if not its present one. It has no connection there.</summary>
        public Dictionary<string, NodeEndpoint> Listed { get; } = [];

        public HashSet<string> Group(MemberModel model) =>
            [id, .. Known, .. model._servers.Where(other => other.Known.Contains(id)).Select(other => other.Id)];

        public NodeView View(MemberModel model) => new(
            Endpoint,
            model._servers.Where(other => other.Id == id || Known.Contains(other.Id)).Select(other => new NodeLine
            {
                Id = other.Id,
                Host = Listed.TryGetValue(other.Id, out var old) ? old.Host : other.Endpoint.Host,
                Port = old.Port == 0 ? other.Endpoint.Port : old.Port,
                Flags = (other.Id == id ? NodeFlags.Myself : NodeFlags.None)
                    | (other.MasterId is null ? NodeFlags.Master : NodeFlags.Replica),
                MasterId = other.MasterId,
                ConfigEpoch = other.Epoch,
                Connected = other.Id == id || (other.IsUp && !Listed.ContainsKey(other.Id)),
                Slots = other.Slots,
            }).Concat(Enumerable.Repeat(new NodeLine { Id = new string('f', 40), Flags = NodeFlags.Handshake }, IsInHandshake ? 1 : 0))
                .ToList())
        {
            KeyCount = Keys,
            Facts = ServerFacts.Parse("redis_version:7.0.15\r\n" + (MasterId is null ? string.Empty : "master_link_status:up\r\n") + Info),
            ClusterInfo = new Dictionary<string, string> { ["cluster_state"] = "ok" },
        };
    }
}
