using System;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Sends a user's command to single nodes, by a connection that no other command of the invocation uses.</summary>
internal sealed class NodeCommandSender(ClusterReader reader, RedisClusterSession session)
{
    // Connections 0 and 1 upwards are those of moves; a command of a user runs in an invocation of its own.
    private const int OwnConnection = 1;

    /// <summary>The flags of the command as COMMAND INFO reports them; null if the node does not report them.</summary>
    /// <exception cref="RedisOperationException">The node can't be reached.</exception>
    public async Task<CommandFlags> FlagsOfAsync(ClusterNode node, CommandLine line, CancellationToken cancellation)
    {
        var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
        var path = line.Name + "|" + line.Subcommand;
        var reply = await connection.AskAsync(RespCommand.Of("COMMAND", "INFO", line.Name, path), cancellation, session.ConnectTimeout)
            .ConfigureAwait(false);
        if (reply.IsError || reply.Items.Count == 0)
            return new CommandFlags(false, null);
        var known = reply.Items.LastOrDefault(each => each.Items.Count > 2);
        return new CommandFlags(known is null, known?.Items[2].Items.Select(flag => flag.Text.ToLowerInvariant()).ToList());
    }

    /// <summary>Sends the command to one node. A failure of that node is in the result.</summary>
    public async Task<RedisCommandReply> SendAsync(ClusterNode node, CommandLine line, CancellationToken cancellation)
    {
        var result = new RedisCommandReply { Node = node.Name, NodeId = node.Id, Cluster = session };
        // A node that is busy or refuses to be read can still reply to some commands, such as SCRIPT KILL.
        if (!node.HasAnswered)
            return Failed("The node does not answer: " + (node.Trouble ?? "no reason known"));
        try
        {
            var connection = await reader.ConnectParallelAsync(node, OwnConnection, cancellation).ConfigureAwait(false);
            // RESP3 has types for maps, sets and numbers. A node that refuses it replies by RESP2.
            await connection.AskAsync(RespCommand.Of("HELLO", 3), cancellation, session.ConnectTimeout).ConfigureAwait(false);
            var reply = await connection.AskAsync(line.Command, cancellation).ConfigureAwait(false);
            return reply.IsError
                ? Failed(ErrorOf(reply.Text))
                : result with { Reply = ValueOf(reply), Text = TextOf(reply, string.Empty) };
        }
        catch (RedisOperationException failure)
        {
            return Failed(failure.Message);
        }

        RedisCommandReply Failed(string error) => result with { Error = error, Text = "(error) " + error };
    }

    // A server that does not know a command repeats its arguments, which may be secret.
    private static string ErrorOf(string error)
    {
        var arguments = error.IndexOf(", with args beginning with", StringComparison.OrdinalIgnoreCase);
        return Printable.Clean(arguments < 0 ? error : error.Substring(0, arguments));
    }

    private static object? ValueOf(RespValue reply) => reply.Kind switch
    {
        RespKind.Null => null,
        RespKind.Integer => reply.Integer,
        RespKind.Boolean => reply.Integer != 0,
        RespKind.Double => double.TryParse(reply.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : reply.Text,
        RespKind.Array => reply.Items.Select(ValueOf).ToList().Shown(),
        RespKind.Map => MapOf(reply),
        RespKind.Error => "(error) " + ErrorOf(reply.Text),
        _ => StringOf(reply),
    };

    private static ShownMap MapOf(RespValue reply)
    {
        var map = new ShownMap();
        for (var i = 0; i + 1 < reply.Items.Count; i += 2)
            map[Convert.ToString(ValueOf(reply.Items[i]), CultureInfo.InvariantCulture) ?? string.Empty] = ValueOf(reply.Items[i + 1]);
        return map;
    }

    // Text stays as it is, lines included. Anything else is quoted with \xHH, as redis-cli writes and reads it.
    private static string StringOf(RespValue reply)
    {
        var text = reply.Text;
        return text.All(c => c is '\r' or '\n' or '\t' || (!char.IsControl(c) && c != '\uFFFD'))
            ? text.Replace("\r\n", "\n")
            : Printable.Quote(reply.Bytes);
    }

    // Such as redis-cli prints it without a terminal: an element a line, nested ones indented.
    private static string TextOf(RespValue reply, string indent)
    {
        switch (reply.Kind)
        {
            case RespKind.Null:
                return indent + "(nil)";
            case RespKind.Array:
                return reply.Items.Count == 0
                    ? indent + "(empty)"
                    : string.Join("\n", reply.Items.Select(item => TextOf(item, item.Items.Count > 0 ? indent + "  " : indent)));
            case RespKind.Map:
                return string.Join("\n", Enumerable.Range(0, reply.Items.Count / 2).Select(i => TextOf(reply.Items[2 * i], indent) + ": "
                    + (reply.Items[(2 * i) + 1] is { Items.Count: > 0 } many ? "\n" + TextOf(many, indent + "  ")
                        : TextOf(reply.Items[(2 * i) + 1], string.Empty))));
            default:
                return indent + Convert.ToString(ValueOf(reply), CultureInfo.InvariantCulture)!.TrimEnd('\n');
        }
    }

    /// <summary>A map whose text is its pairs, for tables of CSV and HTML.</summary>
    private sealed class ShownMap : OrderedDictionary
    {
        public override string ToString() => string.Join(",", Keys.Cast<string>().Select(key => key + "=" + this[key]));
    }
}

/// <summary>What a node reports of a command.</summary>
/// <param name="IsUnknown">True if the node reports that it has no such command.</param>
/// <param name="Flags">Its flags; null if the node does not report them.</param>
internal sealed record CommandFlags(bool IsUnknown, IReadOnlyList<string>? Flags);
