using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace RedisClusterOps.Tests;

/// <summary>Asks a server itself, with a client of its own: what the module says is not taken for proof.</summary>
internal static class ServerProbe
{
    /// <summary>How often each node has carried out a command that moves keys or slots. Two equal answers: nothing was written between them.</summary>
    public static IReadOnlyList<string> WritesSeen(IEnumerable<string> nodes) =>
    [
        .. nodes.Select(node => node + " " + string.Join(
            ' ',
            Regex.Matches(Ask(node, "INFO commandstats"), @"cmdstat_(cluster\|setslot|migrate|restore[^:]*|set|del):calls=\d+").Select(match => match.Value))),
    ];

    /// <summary>Keys of a slot on a node.</summary>
    public static long CountKeys(string node, int slot) =>
        long.Parse(Ask(node, "CLUSTER COUNTKEYSINSLOT " + slot.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

    /// <summary>Nodes that show the slot as open.</summary>
    public static IEnumerable<string> OpenOn(IEnumerable<string> nodes, int slot) => nodes.Where(
        node => Ask(node, "CLUSTER NODES").Contains("[" + slot.ToString(CultureInfo.InvariantCulture) + "-", StringComparison.Ordinal));

    private static string Ask(string node, string command)
    {
        var (host, port) = (node[..node.LastIndexOf(':')], int.Parse(node[(node.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture));
        using var client = new TcpClient(host, port);
        using var stream = client.GetStream();
        stream.Write(Encoding.ASCII.GetBytes(command + "\r\n"));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var first = reader.ReadLine()!;
        if (first[0] != '$')
            return first[1..];
        var text = new char[int.Parse(first[1..], CultureInfo.InvariantCulture)];
        reader.ReadBlock(text, 0, text.Length);
        return new string(text);
    }
}
