using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>The value of a <c>-Cluster</c> parameter: a session, or a text that specifies one.</summary>
/// <remarks>
/// The text is parsed when the cmdlet runs, not during parameter binding, so that an error has its own id instead of the binder's.
/// </remarks>
public sealed class RedisClusterReference
{
    private RedisClusterSession? _session;
    private readonly IReadOnlyList<string> _texts;

    /// <summary>Refers to a cluster by its session.</summary>
    /// <param name="session">The output of <c>Connect-RedisCluster</c>.</param>
    public RedisClusterReference(RedisClusterSession session)
    {
        _session = session ?? throw new ArgumentNullException(nameof(session));
        _texts = [];
    }

    /// <summary>Refers to a cluster by a text.</summary>
    /// <param name="text">
    /// <c>host:port[,host:port…]</c>, a <c>redis://</c> or <c>rediss://</c> URL, or a StackExchange.Redis connection string.
    /// </param>
    public RedisClusterReference(string text)
        : this([text])
    {
    }

    internal RedisClusterReference(IReadOnlyList<string> texts) => _texts = texts;

    /// <summary>The seeds of a session. A text is never shown, because it may contain a password.</summary>
    public override string ToString() => _texts.Count == 0 ? _session?.ToString() ?? "cluster" : "cluster";

    /// <summary>Gets the session. It is the same each time, so that all records of a pipeline belong to one run.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString.</exception>
    internal RedisClusterSession Resolve() =>
        _session ??= (_texts.Count == 1 ? CurrentSession.Find(_texts[0]) : null) ?? RedisClusterSession.Parse(_texts);
}

/// <summary>
/// Lets a parameter of type <see cref="RedisClusterReference"/> take a session, a text, several texts (PowerShell parses an unquoted
/// <c>a:1,b:2</c> as a list), or a deserialized session of a job (its addresses, without its credential), or
/// any object that has its cluster as property <c>Cluster</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class RedisClusterReferenceAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        // Pipeline binding by value precedes binding by property name, also for an object that only contains its cluster.
        Reference(Unwrap(inputData) is IClusterResult result ? result.Cluster : PropertyOf(inputData, "Cluster") ?? inputData);

    // A session from JSON is an object that has only its properties.
    private static object Reference(object? value) => Unwrap(ClusterName.Find(value) ?? PropertyOf(value, "Seeds") ?? value) switch
    {
        null => null!,
        RedisClusterReference reference => reference,
        RedisClusterSession session => new RedisClusterReference(session),
        string text => new RedisClusterReference(text),
        IEnumerable several => new RedisClusterReference(Texts(several)),
        _ => new RedisClusterReference(Text(value)),
    };

    private static object? PropertyOf(object? value, string name) =>
        value is not null && Unwrap(value) is not (string or RedisClusterSession or RedisClusterReference)
            ? PSObject.AsPSObject(value).Properties[name]?.Value
            : null;

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static List<string> Texts(IEnumerable several)
    {
        var texts = new List<string>();
        foreach (var item in several)
            texts.Add(Seed(item));
        return texts;
    }

    // JSON keeps the parts of an address, if it is deep enough.
    private static string Seed(object? item) =>
        PropertyOf(item, "Host") is { } host && int.TryParse(Text(PropertyOf(item, "Port")), out var port)
            ? new NodeEndpoint(Text(host), port).ToString()
            : Text(item);

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
}
