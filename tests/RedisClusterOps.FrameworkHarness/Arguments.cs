using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.FrameworkHarness;

/// <summary>The command line: <c>name=value</c>, each name at most once.</summary>
internal sealed class Arguments(IEnumerable<string> words)
{
    private readonly Dictionary<string, string> _values = words.Select(word => word.Split(['='], 2))
        .ToDictionary(parts => parts[0], parts => parts[1]);

    /// <summary>An open slot to complete.</summary>
    public int Complete => int.Parse(_values["complete"], CultureInfo.InvariantCulture);

    /// <summary>An open slot to undo.</summary>
    public int Undo => int.Parse(_values["undo"], CultureInfo.InvariantCulture);

    /// <summary>The folder of the journal.</summary>
    public string Journal => _values["journal"];

    /// <summary>
    /// With <c>ca</c>, connections use TLS and trust only that authority; with <c>certificate</c>, they present that PFX file.
    /// </summary>
    public RedisClusterSession Session()
    {
        var plain = RedisClusterSession.Parse(_values["cluster"]);
        if (Optional("ca") is not { } authority)
            return plain;
        var tls = new TlsOptions
        {
            CaCertificatePath = authority,
            CertificatePath = Optional("certificate"),
            CertificatePassword = Optional("password"),
        };
        return plain.With(new ConnectionOptions { Tls = tls });
    }

    private string? Optional(string name) => _values.TryGetValue(name, out var value) ? value : null;
}
