namespace LampQ.Quantization.Tests;

[TestClass]
public class PreprocessorConfigTests
{
    static Preprocessing Parse(string json) => PreprocessorConfig.Parse(json, "preprocessor_config.json");

    [TestMethod]
    public void Parse_FileOfDeiTTiny_ReadsEveryField()
    {
        // facebook/deit-tiny-patch16-224, in the form of the older feature extractors.
        var preprocessing = Parse("""
            { "crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "feature_extractor_type": "DeiTFeatureExtractor",
              "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 256 }
            """);

        Assert.AreEqual(ResizeRule.Exact(256, 256), preprocessing.Resize);
        Assert.AreEqual(ResampleFilter.Bicubic, preprocessing.Filter);
        Assert.AreEqual(new ImageSize(224, 224), preprocessing.Crop);
        Assert.AreEqual(1.0 / 255, preprocessing.RescaleFactor);
        CollectionAssert.AreEqual(new[] { 0.485, 0.456, 0.406 }, preprocessing.Mean.ToArray());
        CollectionAssert.AreEqual(new[] { 0.229, 0.224, 0.225 }, preprocessing.Std.ToArray());
    }

    [TestMethod]
    public void Parse_FileOfViT_ReadsHeightAndWidthAndDoesNotCrop()
    {
        var preprocessing = Parse("""
            { "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "ViTImageProcessor",
              "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098, "size": { "height": 192, "width": 224 } }
            """);

        Assert.AreEqual(ResizeRule.Exact(192, 224), preprocessing.Resize);
        Assert.AreEqual(ResampleFilter.Bilinear, preprocessing.Filter);
        Assert.IsNull(preprocessing.Crop);
        Assert.AreEqual(0.00392156862745098, preprocessing.RescaleFactor);
    }

    // Defaults of the constructors in transformers, models/*/image_processing_*.py.
    [TestMethod]
    [DataRow("ViTImageProcessor", 224, true, ResampleFilter.Bilinear, 0, 0.5)]
    [DataRow("ViTFeatureExtractor", 224, true, ResampleFilter.Bilinear, 0, 0.5)]
    [DataRow("ViTImageProcessorFast", 224, true, ResampleFilter.Bilinear, 0, 0.5)]
    [DataRow("DeiTImageProcessor", 256, true, ResampleFilter.Bicubic, 224, 0.5)]
    [DataRow("BeitImageProcessor", 256, true, ResampleFilter.Bicubic, 224, 0.5)]
    [DataRow("BitImageProcessor", 224, false, ResampleFilter.Bicubic, 224, 0.48145466)]
    [DataRow("CLIPImageProcessor", 224, false, ResampleFilter.Bicubic, 224, 0.48145466)]
    [DataRow("SiglipImageProcessor", 224, true, ResampleFilter.Bicubic, 0, 0.5)]
    [DataRow("ConvNextImageProcessor", 384, true, ResampleFilter.Bicubic, 0, 0.5)]
    public void Parse_OnlyTheKind_GetsItsDefaults(string kind, int size, bool square, ResampleFilter filter, int crop, double mean)
    {
        var preprocessing = Parse($$"""{ "image_processor_type": "{{kind}}", "crop_size": null }""");

        Assert.AreEqual(square ? ResizeRule.Exact(size, size) : ResizeRule.ShortestEdge(size), preprocessing.Resize);
        Assert.AreEqual(filter, preprocessing.Filter);
        Assert.AreEqual(crop == 0 ? null : new ImageSize(crop, crop), preprocessing.Crop);
        Assert.AreEqual(mean, preprocessing.Mean[0]);
    }

    [TestMethod]
    public void Parse_ShortestEdgeAndCropSizeObject_AreRead()
    {
        var preprocessing = Parse("""
            { "size": { "shortest_edge": 248 }, "resample": 3, "do_center_crop": true, "crop_size": { "height": 224, "width": 192 },
              "image_mean": [0.1, 0.2, 0.3], "image_std": 0.5 }
            """);

        Assert.AreEqual(ResizeRule.ShortestEdge(248), preprocessing.Resize);
        Assert.AreEqual(new ImageSize(224, 192), preprocessing.Crop);
        CollectionAssert.AreEqual(new[] { 0.5, 0.5, 0.5 }, preprocessing.Std.ToArray());
    }

    [TestMethod]
    public void Parse_ConvNextBelow384_ResizesByItsCropFraction()
    {
        var preprocessing = Parse("""{ "image_processor_type": "ConvNextImageProcessor", "size": { "shortest_edge": 224 }, "crop_pct": 0.95 }""");

        Assert.AreEqual(ResizeRule.ShortestEdge(235), preprocessing.Resize); // int(224 / 0.95) = int(235.8)
        Assert.AreEqual(new ImageSize(224, 224), preprocessing.Crop);
    }

    [TestMethod]
    public void Parse_StepsSwitchedOff_AreLeftOut()
    {
        var preprocessing = Parse("""{ "do_resize": false, "do_center_crop": false, "do_rescale": false, "do_normalize": false, "size": 224 }""");

        Assert.IsNull(preprocessing.Resize);
        Assert.IsNull(preprocessing.Crop);
        Assert.AreEqual(1, preprocessing.RescaleFactor);
        CollectionAssert.AreEqual(new double[] { 0, 0, 0 }, preprocessing.Mean.ToArray());
        CollectionAssert.AreEqual(new double[] { 1, 1, 1 }, preprocessing.Std.ToArray());
    }

    [TestMethod]
    [DataRow("[1]", "Array")]
    [DataRow("{ \"size\": 2", "not JSON")]
    [DataRow("{ \"resample\": 2, \"image_mean\": 0, \"image_std\": 1 }", "size")]
    [DataRow("{ \"size\": 224, \"resample\": 2, \"image_std\": 1 }", "image_mean")]
    [DataRow("{ \"size\": 224, \"image_mean\": 0, \"image_std\": 1 }", "resample")]
    [DataRow("{ \"size\": 224, \"resample\": 2, \"image_mean\": 0, \"image_std\": 1, \"do_center_crop\": true }", "crop_size")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"size\": { \"height\": 224 } }", "width")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"size\": -5 }", "-5")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"size\": [224, 224] }", "[224, 224]")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"image_std\": [0.2, 0, 0.2] }", "Std")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"image_mean\": [0.5] }", "Mean")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"image_mean\": \"0.5\" }", "image_mean")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"resample\": 9 }", "9")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"do_resize\": 1 }", "do_resize")]
    [DataRow("{ \"image_processor_type\": \"ConvNextImageProcessor\", \"size\": 224, \"crop_pct\": 0 }", "crop_pct")]
    public void Parse_BrokenFile_NamesFileAndField(string json, string expected)
    {
        var error = Assert.ThrowsException<InvalidDataException>(() => Parse(json));

        StringAssert.Contains(error.Message, "'preprocessor_config.json'");
        StringAssert.Contains(error.Message, expected);
    }

    [TestMethod]
    [DataRow("{ \"image_processor_type\": \"MobileViTImageProcessor\" }", "MobileViTImageProcessor")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"do_pad\": true }", "do_pad")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"resample\": 4 }", "box")]
    [DataRow("{ \"image_processor_type\": \"ViTImageProcessor\", \"size\": { \"shortest_edge\": 224, \"longest_edge\": 512 } }", "longest edge")]
    public void Parse_StepThatLampQLacks_IsRefusedByName(string json, string expected) =>
        StringAssert.Contains(Assert.ThrowsException<NotSupportedException>(() => Parse(json)).Message, expected);

    [TestMethod]
    public void Read_MissingFile_NamesIt() =>
        StringAssert.Contains(Assert.ThrowsException<ArgumentException>(() => PreprocessorConfig.Read("no-such.json")).Message, "no-such.json");
}
